package gateway

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr/cdrtest"
	"mask700/media"
	"mask700/sip/digest"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/register"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// registrar is a registrar on loopback. What it answers to its n-th REGISTER, from
// 0, that had good credentials is the test's to say.
type registrar struct {
	t      *testing.T
	conn   *net.UDPConn
	server *digest.Server
	answer func(n int, m *message.Message, r *message.Response)
	age    func(n int) time.Duration // how much later than now it takes it to be

	heard  chan heard
	others chan *message.Message // responses to what the registrar sent
	bound  int                   // REGISTERs with good credentials
	asked  int
}

// heard is a REGISTER and what it was answered.
type heard struct {
	m      *message.Message
	status int
}

func newRegistrar(t *testing.T, age func(int) time.Duration, answer func(n int, m *message.Message, r *message.Response)) *registrar {
	server, err := digest.NewServer("example.net", []digest.User{{Name: "gw1", Password: digest.NewSecret("secret")}}, nil, [32]byte{5})
	if err != nil {
		t.Fatal(err)
	}
	r := &registrar{
		t: t, conn: socket(t, "127.0.3.21"), server: server, answer: answer, heard: make(chan heard, 100), others: make(chan *message.Message, 100),
		age: age,
	}
	go r.run()
	return r
}

func (r *registrar) run() {
	b := make([]byte, 65535)
	for {
		n, from, err := r.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		m, fault := message.Parse(b[:n])
		switch {
		case fault != nil:
			r.t.Errorf("the registrar got what cannot be read: %v", fault)
			continue
		case m.Method != "REGISTER" || !m.IsRequest():
			r.others <- m
			continue
		}
		now := time.Now().Add(r.age(r.asked))
		r.asked++
		response := message.Response{Echo: m.Echo(from), ToTag: "registrar"}
		q := digest.Request{Method: m.Method, Target: m.Target, Credentials: m.Authorization, Source: from.Addr(), Salt: fmt.Sprint(r.asked)}
		switch v := r.server.Check(now, &q); v {
		case digest.Accepted:
			r.answer(r.bound, m, &response)
			r.bound++
		default:
			response.Status = 401
			response.WWWAuthenticate = r.server.Challenges(now, &q, v == digest.Stale)
		}
		r.heard <- heard{m, response.Status}
		text := string(response.Append(nil))
		if response.Status == 423 {
			text = strings.Replace(text, "Content-Length:", "Min-Expires: 120\r\nContent-Length:", 1)
		}
		if _, err := r.conn.WriteToUDPAddrPort([]byte(text), from); err != nil {
			r.t.Error(err)
		}
	}
}

// next waits for the next REGISTER.
func (r *registrar) next(status int) *message.Message {
	r.t.Helper()
	select {
	case h := <-r.heard:
		if h.status != status {
			r.t.Fatalf("REGISTER %d was answered %d, want %d", h.m.CSeq, h.status, status)
		}
		return h.m
	case <-time.After(20 * time.Second):
		r.t.Fatal("no REGISTER came")
		return nil
	}
}

// grant binds the Contact for some seconds, among others.
func grant(m *message.Message, r *message.Response, seconds int) {
	r.Status = 200
	r.Contact = fmt.Sprintf("<sip:somebody@192.0.2.99>;expires=77, %s;expires=%d", m.ContactText, seconds)
}

// lines is a log that many may write to.
type lines struct {
	mutex sync.Mutex // protects text
	text  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

func startRegistering(t *testing.T, r *registrar, password string, change func(*trunk.Trunk)) (*Gateway, *lines) {
	t.Helper()
	at := r.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	ours := netip.MustParseAddr("127.0.3.22")
	k := trunk.Trunk{
		Name: "carrier", Media: "in", Targets: []trunk.Target{{Host: at.Addr().String(), Port: int(at.Port()), Network: flow.UDP, Addr: at}},
		Auth:     &digest.Account{User: "gw1", Password: digest.NewSecret(password)},
		Register: &trunk.Register{AOR: "sip:" + alice + "@example.net", Expires: time.Minute},
	}
	if change != nil {
		change(&k)
	}
	log := &lines{}
	g, err := Start(Options{
		Listeners: []transport.Listener{{Name: "in", Network: "udp", Bind: netip.AddrPortFrom(ours, 0)}},
		Trunks:    []trunk.Trunk{k}, RingTimeout: time.Minute, DrainTime: time.Minute,
		Bindings: bindings(t), Journal: &cdrtest.Journal{}, Shards: 2, Logger: slog.New(slog.NewTextHandler(log, nil)),
		Media: func(on MediaEvents) (media.Engine, error) {
			return media.NewRelay(media.Options{Pools: []media.Pool{{Name: "in", Address: ours, Min: 20000, Max: 20999}}, OnTimeout: on.Silent, OnSource: on.Source, OnKey: on.Key})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g, log
}

// until waits for what a registration shows.
func until(t *testing.T, g *Gateway, what string, ok func(register.View) bool) register.View {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		v, has := g.Registration("carrier")
		if has && ok(v) {
			return v
		}
		if time.Now().After(end) {
			t.Fatalf("not %s: %+v", what, v)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// fresh is the age of a registrar whose nonces do not grow old.
func fresh(int) time.Duration { return 0 }

func isRegistered(v register.View) bool { return v.Registered && v.State == register.Registered }

// TestRegistrationIsKeptAlive is a whole life: challenged, too brief, granted,
// renewed, with a nonce that has grown old meanwhile, and taken back.
func TestRegistrationIsKeptAlive(t *testing.T) {
	old := func(n int) time.Duration {
		if n >= 3 {
			return 10 * time.Minute // nonces given before have grown old
		}
		return 0
	}
	r := newRegistrar(t, old, func(n int, m *message.Message, r *message.Response) {
		switch {
		case m.Expires == 0:
			r.Status = 200
		case m.Expires < 120:
			r.Status = 423
		case n == 1:
			grant(m, r, 1)
		default:
			grant(m, r, 2)
		}
	})
	g, log := startRegistering(t, r, "secret", nil)

	first := r.next(401)
	if first.Target.Text() != "sip:example.net" || first.To.URI.Text() != "sip:"+alice+"@example.net" || first.Expires != 60 ||
		len(first.Authorization) != 0 || first.Contact == nil || first.Contact.Host != "127.0.3.22" || len(first.Contact.User) != 24 {
		t.Errorf("REGISTER %s, Expires %d, Contact host %s", first.Target.Text(), first.Expires, first.Contact.Host)
	}
	second := r.next(423)
	if second.CallID != first.CallID || second.CSeq != first.CSeq+1 || second.ContactText != first.ContactText || second.From.Tag != first.From.Tag {
		t.Error("the second REGISTER is of another registration")
	}
	if m := r.next(200); m.Expires != 120 || len(m.Authorization) == 0 {
		t.Errorf("after 423 it asks for %d s", m.Expires)
	}
	until(t, g, "registered", isRegistered)

	stale := r.next(401)
	if len(stale.Authorization) == 0 {
		t.Error("the renewal is not signed in advance")
	}
	renewed := r.next(200)
	if renewed.CallID != first.CallID || renewed.ContactText != first.ContactText {
		t.Error("the renewal is of another registration")
	}
	r.next(200) // and again, by itself
	v := until(t, g, "registered", isRegistered)
	if v.Status != 200 || !v.Until.After(time.Now()) {
		t.Errorf("%+v", v)
	}

	g.Drain(context.Background())
	for {
		m := r.next(200)
		if m.Expires == 0 {
			if m.ContactText != first.ContactText || m.CallID != first.CallID {
				t.Error("another registration is taken back")
			}
			break
		}
	}
	if v, _ := g.Registration("carrier"); v.State != register.Over || v.Registered {
		t.Errorf("after the end: %+v", v)
	}
	if text := log.String(); strings.Count(text, "msg=registered trunk=carrier") != 1 || strings.Contains(text, "not registered") {
		t.Errorf("logged:\n%s", text)
	}
}

func TestWrongPasswordIsSaidToTheOperator(t *testing.T) {
	r := newRegistrar(t, fresh, func(int, *message.Message, *message.Response) { t.Error("it was let in") })
	g, log := startRegistering(t, r, "a guess", nil)
	r.next(401)
	r.next(401)
	v := until(t, g, "refused", func(v register.View) bool { return v.State == register.Waiting })
	if v.Registered || v.Status != 401 {
		t.Errorf("%+v", v)
	}
	g.Drain(context.Background())
	if len(r.heard) != 0 {
		t.Error("what was never registered is taken back")
	}
	text := log.String()
	if !strings.Contains(text, "level=WARN msg=\"not registered\" trunk=carrier status=401") {
		t.Errorf("logged:\n%s", text)
	}
	for _, word := range []string{alice, "gw1", "a guess", "example.net"} {
		if strings.Contains(text, word) {
			t.Errorf("the log holds %s:\n%s", word, text)
		}
	}
}

// TestCallsToTheContact has calls whose Request-URI is our Contact. The number
// called is its user: the one that was configured, or a token, which is none.
func TestCallsToTheContact(t *testing.T) {
	for user, want := range map[string]binding.X{x: 700100000010007, "": 0} {
		r := newRegistrar(t, fresh, func(_ int, m *message.Message, r *message.Response) { grant(m, r, 60) })
		g, _ := startRegistering(t, r, "secret", func(k *trunk.Trunk) { k.Register.User = user })
		r.next(401)
		contact := r.next(200).ContactURI()
		if user != "" && !strings.HasPrefix(contact, "sip:"+user+"@") {
			t.Errorf("the Contact is %s", contact)
		}
		until(t, g, "registered", isRegistered)
		invite := strings.ReplaceAll(fmt.Sprintf("INVITE %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bKin;rport\nMax-Forwards: 70\n"+
			"From: <sip:13700000003@example.net>;tag=f\nTo: <sip:%s@example.net>\nCall-ID: in\nCSeq: 1 INVITE\nContact: <sip:a@%s>\n\n",
			contact, r.conn.LocalAddr(), alice, r.conn.LocalAddr()), "\n", "\r\n")
		if _, err := r.conn.WriteToUDPAddrPort([]byte(invite), g.Addr(0)); err != nil {
			t.Fatal(err)
		}
		for status := 0; status < 200; {
			select {
			case m := <-r.others:
				if status = m.Status; status >= 200 && status != 404 {
					t.Errorf("answered %d", status)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("no answer")
			}
		}
		journal := g.options.Journal.(*cdrtest.Journal)
		if closed := journal.Closed(); len(closed) != 1 || closed[0].CalleeIn.X != want {
			t.Errorf("records: %+v", closed)
		}
		g.Close()
	}
}
