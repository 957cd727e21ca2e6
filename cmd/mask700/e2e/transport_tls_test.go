package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/sip/flow"
	"mask700/sip/phone"
	"mask700/sip/transport/transporttest"
)

// secured is a world whose gateway has certificates, and asks peers for theirs.
type secured struct {
	*world
	peers, own     *transporttest.Authority
	web, secureWeb netip.AddrPort
}

const (
	callerName = "left-switch.example.net"
	calleeName = "right-switch.example.net"
	ourName    = "gateway.example.net"
)

// newSecured starts a gateway whose left side is told by its certificate, from wherever it comes, and whose right side
// is a server. The right one is called by an address and shows a name.
func newSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{world: newWorld(t), peers: transporttest.NewAuthority(t), own: transporttest.NewAuthority(t)}
	s.web, s.secureWeb = s.port(s.hosts.Left), s.port(s.hosts.Left)
	certificate, key := s.own.Write(s.dir, "us", s.own.Issue(transporttest.Holder{DNS: []string{ourName}}))
	own := fmt.Sprintf("certificate: %s, key: %s, client_ca: %s", certificate, key, s.peers.WritePool(s.dir, "peers.pem"))
	s.serveWith(fmt.Sprintf(`sip:
  listen:
    - {name: left, bind: "tls:%s", tls: {%s}}
    - {name: left, bind: "ws:%s"}
    - {name: left, bind: "wss:%s", tls: {%s, client_auth: request}}
    - {name: right, bind: "tls:%s", tls: {%s}}
media:
  pools:
    - {name: left, address: %s, ports: 40000-40999}
    - {name: right, address: %s, ports: 40000-40999}
trunks:
  - {name: left, listen: left, media: left, tls_names: [%s], route_to: right}
  - {name: web, listen: left, media: left, sources: ["%s"], route_to: right}
  - {name: right, listen: right, media: right, tls_names: [%s], targets: ["sip:%s;transport=tls"], tls_ca: %s, tls_server_name: %s, route_to: left-out}
  - {name: left-out, listen: left, media: left, sources: [192.0.2.1], targets: ["sip:192.0.2.1;transport=tls"]}
`, s.left, own, s.web, s.secureWeb, own, s.right, own, s.hosts.Left, s.hosts.Right,
		callerName, s.hosts.Switch, calleeName, s.callee.addr, s.dir+"/peers.pem", calleeName), setup{})
	s.run("block", "add", block)
	s.bind(s.caller.number, s.callee.number, s.x)
	return s
}

// client is how a peer with a certificate for names connects; none: without one.
func (s *secured) client(names ...string) *tls.Config {
	c := &tls.Config{RootCAs: s.own.Pool(), ServerName: ourName}
	if len(names) > 0 {
		c.Certificates = []tls.Certificate{s.peers.Issue(transporttest.Holder{DNS: names})}
	}
	return c
}

// rightSwitch is the called side, as a server that knows the gateway by its certificate.
func (s *secured) rightSwitch(shows string, b phone.Behaviour) *wiredPhone {
	h := s.newWiredPhone("callee", s.callee, flow.TLS, s.callee.addr.String(), s.right, b)
	config := &tls.Config{
		Certificates: []tls.Certificate{s.peers.Issue(transporttest.Holder{DNS: []string{shows}})},
		ClientCAs:    s.own.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	}
	h.accept(s.callee.addr, func(c net.Conn) (wire, error) {
		made := tls.Server(c, config)
		return newStream(made), made.Handshake()
	})
	return h
}

// leftSwitch is the calling side. Its address is on no trunk.
func (s *secured) leftSwitch(b phone.Behaviour) *wiredPhone {
	h := s.newWiredPhone("caller", s.caller, flow.TLS, s.caller.addr.String(), s.left, b)
	h.dial = func() (wire, error) {
		c, err := tlsFrom(s.hosts.Caller, s.left, s.client(callerName))
		if err != nil {
			return nil, err
		}
		return newStream(c), nil
	}
	return h
}

// ended looks at the one record and at what either side was sent, and ends the gateway.
func (s *secured) ended(trunkIn, end, by string, status int, caller, callee *wiredPhone) {
	s.t.Helper()
	s.unheard(caller, s.secretsOfCallee())
	s.unheard(callee, s.secretsOfCaller())
	s.settled()
	records := s.records()
	if len(records) != 1 {
		s.t.Fatalf("%d records of one call", len(records))
	}
	r := records[0]
	if r.TrunkIn != trunkIn || r.TrunkOut != "right" || r.End != end || r.ReleasedBy != by || r.SIPStatus != status {
		s.t.Errorf("record: %+v", r)
	}
	s.shut(s.caller.number, s.callee.number)
}

func TestMutualTLS(t *testing.T) {
	for _, by := range []string{cdr.ByCaller, cdr.ByCallee} {
		t.Run("released by "+by, func(t *testing.T) {
			t.Parallel()
			s := newSecured(t)
			caller, callee := s.leftSwitch(phone.Behaviour{}), s.rightSwitch(calleeName, phone.Behaviour{})
			s.dials(caller)
			caller.await(phone.Talking)
			callee.await(phone.Talking)
			if by == cdr.ByCaller {
				hangUp(caller)
			} else {
				hangUp(callee) // on the connection that the gateway made
			}
			caller.await(phone.Ended)
			callee.await(phone.Ended)
			if caller.opened() != 1 || callee.opened() != 1 {
				t.Errorf("%d connections of the caller, %d to the callee", caller.opened(), callee.opened())
			}
			s.ended("left", cdr.EndCompleted, by, 200, caller, callee)
		})
	}
}

// A server that shows another name than the trunk's gets no call, and the caller hears of it.
func TestServerOfAnotherName(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	caller, callee := s.leftSwitch(phone.Behaviour{}), s.rightSwitch("somebody-else.example.net", phone.Behaviour{})
	s.dials(caller)
	caller.await(phone.Ended)
	if text, _ := callee.heard(); text != "" {
		t.Errorf("the wrong server was sent\n%s", text)
	}
	s.settled()
	if r := s.records(); len(r) != 1 || r[0].TrunkOut != "right" || r[0].AnsweredAt.After(r[0].ReceivedAt) {
		t.Errorf("records: %+v", r)
	}
	s.shut(s.caller.number, s.callee.number)
}

// Nobody without a name that is a trunk's gets as far as a word of SIP, from an address that is on a trunk of another
// listener either.
func TestTLSWithoutAName(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	stranger := transporttest.NewAuthority(t)
	forged := &tls.Config{RootCAs: s.own.Pool(), ServerName: ourName, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c := stranger.Issue(transporttest.Holder{CommonName: s.caller.number, DNS: []string{callerName}})
		return &c, nil
	}}
	for name, c := range map[string]struct {
		at     netip.AddrPort
		config *tls.Config
	}{
		"no certificate":                        {s.left, s.client()},
		"no certificate, where it is asked for": {s.secureWeb, s.client()},
		"nobody's name":                         {s.left, s.client("nobody.example.net")},
		"a subscriber":                          {s.left, s.client(s.caller.number + ".example.net")},
		"another authority":                     {s.left, forged},
		"the other side's name":                 {s.left, s.client(calleeName)},
		"the name on the other side":            {s.right, s.client(callerName)},
	} {
		conn, err := tlsFrom(s.hosts.Caller, c.at, c.config)
		if err != nil {
			continue // in the handshake
		}
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "OPTIONS sip:gateway SIP/2.0\r\nVia: SIP/2.0/TLS a.invalid;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"+
			"From: <sip:a.invalid>;tag=x\r\nTo: <sip:gateway>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
		if b, err := io.ReadAll(bufio.NewReader(conn)); len(b) > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: read %d bytes, %v", name, len(b), err)
		}
		conn.Close()
	}
	if len(s.records()) != 0 {
		t.Error("a stranger has a record")
	}
	for _, name := range []string{"example.net", s.caller.number} {
		if strings.Contains(s.gateway.Output(), name) {
			t.Error("a name in a certificate is in the log")
		}
	}
	s.shut(s.caller.number, s.callee.number)
}

// A phone on a WebSocket is known by its address, or by its certificate, and is reached on the connection that it
// made: its Contact names nobody.
func TestWebSocketCalls(t *testing.T) {
	for _, row := range []struct {
		name    string
		network flow.Network
		trunk   string
		by      string
	}{
		{"WS, callee hangs up", flow.WS, "web", cdr.ByCallee},
		{"WSS by address, callee hangs up", flow.WSS, "web", cdr.ByCallee},
		{"WSS by certificate, caller hangs up", flow.WSS, "left", cdr.ByCaller},
		{"WS, the phone is lost", flow.WS, "web", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newSecured(t)
			at := map[flow.Network]netip.AddrPort{flow.WS: s.web, flow.WSS: s.secureWeb}[row.network]
			caller := s.newWiredPhone("caller", s.caller, row.network, "a1b2c3.invalid", at, phone.Behaviour{})
			caller.dial = func() (wire, error) {
				var c net.Conn
				var err error
				switch {
				case row.network == flow.WS:
					c, err = tcpFrom(s.hosts.Switch, at)
				case row.trunk == "web":
					c, err = tlsFrom(s.hosts.Switch, at, s.client())
				default:
					c, err = tlsFrom(s.hosts.Caller, at, s.client(callerName))
				}
				if err != nil {
					return nil, err
				}
				return webOver(c, s.caller.number)
			}
			callee := s.rightSwitch(calleeName, phone.Behaviour{})
			s.dials(caller)
			caller.await(phone.Talking)
			callee.await(phone.Talking)
			by := row.by
			switch by {
			case cdr.ByCaller:
				hangUp(caller)
			case cdr.ByCallee:
				hangUp(callee)
			default:
				// Nobody can reach the phone any more; the callee hangs up to nobody.
				caller.dial = nil
				caller.cut()
				hangUp(callee)
				by = cdr.ByCallee
			}
			callee.await(phone.Ended)
			if row.by != "" {
				caller.await(phone.Ended)
			}
			if caller.opened() != 1 {
				t.Errorf("%d connections of the phone", caller.opened())
			}
			s.ended(row.trunk, cdr.EndCompleted, by, 200, caller, callee)
		})
	}
}
