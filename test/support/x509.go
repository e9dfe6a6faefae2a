// Go's crypto/x509 as a judge of what jsec makes, for test/pki:
//
//	x509.go crl CRL CA        check a revocation list's signature; print its number and entries
//	x509.go verify ROOT LEAF HOST   verify a certificate; print "valid" or the reason
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func block(path string) []byte {
	data, err := os.ReadFile(path)
	must(err)
	found, _ := pem.Decode(data)
	return found.Bytes
}

func certificate(path string) *x509.Certificate {
	read, err := x509.ParseCertificate(block(path))
	must(err)
	return read
}

func main() {
	switch os.Args[1] {
	case "crl":
		list, err := x509.ParseRevocationList(block(os.Args[2]))
		must(err)
		must(list.CheckSignatureFrom(certificate(os.Args[3])))
		fmt.Println("number", list.Number)
		for _, entry := range list.RevokedCertificates {
			fmt.Printf("%x %s\n", entry.SerialNumber, entry.RevocationTime.Format("2006-01-02"))
		}
	case "verify":
		roots := x509.NewCertPool()
		roots.AddCert(certificate(os.Args[2]))
		_, err := certificate(os.Args[3]).Verify(x509.VerifyOptions{Roots: roots, DNSName: os.Args[4]})
		must(err)
		fmt.Println("valid")
	}
}
