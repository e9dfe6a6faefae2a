// Go's crypto/tls as the peer, with the arguments and answers of test/support/peer.py, and `times`,
// the number of connections one after the other: a client resumes.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

func must(err error) {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func configuration(options map[string]string) *tls.Config {
	versions := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
	version := versions[options["version"]]
	config := &tls.Config{MinVersion: version, MaxVersion: version, ServerName: options["name"],
		ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if options["cert"] != "" {
		pair, err := tls.LoadX509KeyPair(options["cert"], options["key"])
		must(err)
		config.Certificates = []tls.Certificate{pair}
	}
	if options["ca"] != "" {
		pem, err := os.ReadFile(options["ca"])
		must(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		config.RootCAs, config.ClientCAs, config.ClientAuth = pool, pool, tls.RequireAndVerifyClientCert
	}
	if options["alpn"] != "" {
		config.NextProtos = strings.Split(options["alpn"], ",")
	}
	return config
}

func tell(state tls.ConnectionState) {
	fmt.Println("alpn", state.NegotiatedProtocol)
	fmt.Println("name", state.ServerName)
	fmt.Println("resumed", state.DidResume)
}

func serve(config *tls.Config) {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	must(err)
	fmt.Println("port", listener.Addr().String()[len("127.0.0.1:"):])
	for {
		connection, err := listener.Accept()
		must(err)
		go func() {
			defer connection.Close()
			secure := connection.(*tls.Conn)
			if err := secure.Handshake(); err != nil {
				fmt.Println("refused", err)
				return
			}
			tell(secure.ConnectionState())
			io.Copy(secure, secure)
		}()
	}
}

func call(config *tls.Config, options map[string]string) {
	size, _ := strconv.Atoi(options["size"])
	connection, err := tls.Dial("tcp", "127.0.0.1:"+options["port"], config)
	must(err)
	sent, got := make([]byte, size), make([]byte, size)
	rand.Read(sent)
	written := make(chan error)
	go func() { _, err := connection.Write(sent); written <- err }()
	_, err = io.ReadFull(connection, got)
	must(err)
	must(<-written)
	if !bytes.Equal(sent, got) {
		must(fmt.Errorf("other data"))
	}
	tell(connection.ConnectionState())
	must(connection.Close())
	fmt.Println("clean")
}

func main() {
	options := map[string]string{"times": "1"}
	for _, word := range os.Args[2:] {
		key, value, _ := strings.Cut(word, "=")
		options[key] = value
	}
	config := configuration(options)
	if os.Args[1] == "server" {
		serve(config)
	}
	times, _ := strconv.Atoi(options["times"])
	for i := 0; i < times; i++ {
		call(config, options)
	}
}
