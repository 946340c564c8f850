// Camera and viewers over QUIC with quic-go, for `firstframe bench compare`. How it is spoken to: bench/compare/program.ts.
//
//	quic-pair camera ADDRESS KEY CERTIFICATE MEDIA_BYTES
//	quic-pair viewers ADDRESS:PORT NAME CERTIFICATE TIMEOUT_MS
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	quic "github.com/lucas-clemente/quic-go"
)

const (
	requestBytes = 256
	mediaBytes   = 1200
	protocol     = "firstframe-compare"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "quic-pair:", err)
	os.Exit(1)
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		fail(err)
	}
	return value
}

func camera(address, key, certificate string, media []byte) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		fail(err)
	}
	identity := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{protocol}}
	listener, err := quic.ListenAddr(address+":0", identity, &quic.Config{MaxIncomingStreams: 16})
	if err != nil {
		fail(err)
	}
	fmt.Println("port", listener.Addr().(*net.UDPAddr).Port)
	go func() {
		for {
			connection, err := listener.Accept(context.Background())
			if err != nil {
				fail(err)
			}
			go serve(connection, media)
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

func serve(connection quic.Connection, media []byte) {
	stream, err := connection.AcceptStream(context.Background())
	if err != nil {
		return
	}
	if _, err := io.ReadFull(stream, make([]byte, requestBytes)); err == nil {
		stream.Write(media)
	}
}

func watch(ctx context.Context, address string, trust *tls.Config, timeout time.Duration) error {
	settings := &quic.Config{HandshakeIdleTimeout: timeout, MaxIdleTimeout: timeout}
	connection, err := quic.DialAddrContext(ctx, address, trust, settings)
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		connection.CloseWithError(0, "")
	}()
	stream, err := connection.OpenStream()
	if err != nil {
		return err
	}
	if _, err = stream.Write(make([]byte, requestBytes)); err != nil {
		return err
	}
	_, err = io.ReadFull(stream, make([]byte, mediaBytes))
	return err
}

func viewers(address, name, certificate string, timeout time.Duration) {
	pem, err := os.ReadFile(certificate)
	if err != nil {
		fail(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	trust := &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{protocol}}
	var lock sync.Mutex
	leave := map[string]context.CancelFunc{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		word, id, _ := strings.Cut(lines.Text(), " ")
		lock.Lock()
		if word == "watch" {
			ctx, cancel := context.WithCancel(context.Background())
			leave[id] = cancel
			go func() {
				said := "media " + id
				if err := watch(ctx, address, trust, timeout); err != nil {
					said = "failed " + id + " " + strings.ReplaceAll(err.Error(), "\n", " ")
				}
				lock.Lock()
				fmt.Println(said)
				lock.Unlock()
			}()
		} else if cancel := leave[id]; cancel != nil {
			cancel()
			delete(leave, id)
		}
		lock.Unlock()
	}
}

func main() {
	// Ctrl-C is for the process that started this one to act on; it then closes stdin.
	signal.Ignore(os.Interrupt)
	words := os.Args[1:]
	switch {
	case len(words) == 5 && words[0] == "camera":
		camera(words[1], words[2], words[3], make([]byte, number(words[4])))
	case len(words) == 5 && words[0] == "viewers":
		viewers(words[1], words[2], words[3], time.Duration(number(words[4]))*time.Millisecond)
	default:
		fmt.Fprintln(os.Stderr, "usage: quic-pair camera ADDRESS KEY CERTIFICATE MEDIA_BYTES | viewers ADDRESS:PORT NAME CERTIFICATE TIMEOUT_MS")
		os.Exit(2)
	}
}
