package transport

import (
	"net"
	"net/netip"
	"sync"
	"testing"
)

func dialTCP(t testing.TB, to netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// peer accepts connections.
type peer struct {
	addr  netip.AddrPort
	conns chan net.Conn
	close func()
}

func acceptor(t testing.TB, bind string) *peer {
	t.Helper()
	l, err := net.Listen("tcp", bind)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: addrPortOf(l.Addr()), conns: make(chan net.Conn, 100)}
	done := make(chan struct{})
	var once sync.Once
	p.close = func() {
		once.Do(func() {
			l.Close()
			<-done
		})
	}
	t.Cleanup(p.close)
	go func() {
		defer close(done)
		var all []net.Conn
		defer func() {
			for _, c := range all {
				c.Close()
			}
		}()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all = append(all, c)
			p.conns <- c
		}
	}()
	return p
}
