// Go: peer MODE CERT KEY, peer client PORT CA COUNT KIND. See limit.c.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func echo(c net.Conn) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if _, err = c.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func sink(c net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
	}
}

func source(c net.Conn) {
	chunk := make([]byte, 256<<10)
	for {
		if _, err := c.Write(chunk); err != nil {
			return
		}
	}
}

func oneByte(c net.Conn) {
	c.Write([]byte("!"))
	c.Read(make([]byte, 1))
}

var handlers = map[string]func(net.Conn){
	"echo": echo, "sink": sink, "source": source, "byte": oneByte}

func serve(mode, cert, key string) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	check(err)
	config := tls.Config{Certificates: []tls.Certificate{pair}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &config)
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		connection, err := listener.Accept()
		check(err)
		go func() {
			defer connection.Close()
			handlers[mode](connection)
		}()
	}
}

func used() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func visit(port string, config *tls.Config) {
	connection, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
	check(err)
	_, err = io.ReadFull(connection, make([]byte, 1))
	check(err)
	connection.Close()
}

func beClient(port, ca, kind string, count int) {
	configure := func() *tls.Config {
		pem, err := os.ReadFile(ca)
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		return &tls.Config{RootCAs: pool, ServerName: "localhost"}
	}
	reused := configure()
	for i := 0; i < count/10; i++ {
		visit(port, reused)
	}
	start := used()
	for i := 0; i < count; i++ {
		config := reused
		if kind != "context" {
			config = configure()
		}
		visit(port, config)
	}
	fmt.Printf("{:units %d :cpu %d}\n", count, used()-start)
}

func main() {
	args := os.Args[1:]
	if args[0] == "client" {
		count, err := strconv.Atoi(args[3])
		check(err)
		beClient(args[1], args[2], args[4], count)
		return
	}
	serve(args[0], args[1], args[2])
}
