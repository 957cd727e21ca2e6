package demo

import (
	"net"
	"net/netip"
	"sync"

	"mask700/sip/message"
)

// exchange is the switch between the handsets and the gateway: it takes every
// message to the handset it is for, by the number called, and then by the call.
type exchange struct {
	conn     *net.UDPConn
	gateway  netip.AddrPort
	handsets map[string]*handset // by number; complete before run
	owner    sync.Map            // Call-ID to *handset
}

func newExchange(at netip.Addr) (*exchange, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		return nil, err
	}
	return &exchange{conn: conn, handsets: map[string]*handset{}}, nil
}

func (x *exchange) send(b []byte) {
	// A datagram that is lost is the demonstration's to notice, by its end.
	_, _ = x.conn.WriteToUDPAddrPort(b, x.gateway)
}

// run reads until the socket is closed.
func (x *exchange) run() {
	b := make([]byte, 65535)
	for {
		n, _, err := x.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		raw := append([]byte(nil), b[:n]...)
		m, fault := message.Parse(raw)
		if fault != nil {
			continue
		}
		if m.IsRequest() && m.Method == "INVITE" {
			if h := x.handsets[m.Target.User]; h != nil {
				x.owner.LoadOrStore(m.CallID, h)
			}
		}
		if h, ok := x.owner.Load(m.CallID); ok {
			h.(*handset).take(m, raw)
		}
	}
}
