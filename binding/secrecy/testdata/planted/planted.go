// Package planted is code that a test expects to be refused, each line that says want, and code that it expects to pass.
package planted

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"log/syslog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"text/template"

	"golang.org/x/sys/unix"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
	"mask700/media/sdp"
	"mask700/sip/call"
	"mask700/sip/digest"
	"mask700/sip/message"
	"mask700/sip/sentinel"
	"mask700/sip/trunk"
)

type digitser interface{ Digits() string }

func reveal(n binding.Number, p binding.Plan, r *cdr.Record) {
	_ = n.Digits()                                // want Digits
	f := n.Digits                                 // want Digits
	g := binding.Number.Digits                    // want Digits
	_ = r.CallerIn.Number.Digits()                // want Digits
	_ = p.Format(n, binding.National)             // want Format
	h := (binding.Plan{}).Format                  // want Format
	_, _ = n.GobEncode()                          // want GobEncode
	defer log.Println(p.Format(n, 0), n.Digits()) // want Digits // want Format // want number in clear // want number in clear
	use(f, g, h)
}

func number(l *slog.Logger, p binding.Plan, n binding.Number) error {
	s := "number " + p.Format(n, 0)             // want Format
	l.Info("called", "number", s)               // want number in clear
	t := strings.ToUpper(s[2:])                 //
	return fmt.Errorf("%w: %s", os.ErrExist, t) // want number in clear
}

func parsed(l *slog.Logger, m *message.Message, u message.URI) error {
	l.Info("came", "message", m)                                     // want message.Message
	l.Warn("came", "uri", u)                                         // want message.URI
	l.With("to", m.To).Debug("came")                                 // want message.Address
	slog.Error("came", slog.String("user", m.Target.User))           // want text of a message.URI // want text of a message.URI
	slog.LogAttrs(context.Background(), 0, "", slog.Any("x", m.Via)) // want text of a message.Message // want text of a message.Message
	log.Printf("body %s", m.Body)                                    // want text of a message.Message
	fmt.Println(string(m.Body))                                      // want text of a message.Message
	fmt.Fprintf(os.Stderr, "%q", m.From.URI.Host)                    // want text of a message.URI
	print(m.CallID)                                                  // want text of a message.Message
	user := m.Target.User
	for _, word := range strings.Fields(user) {
		fmt.Print(word) // want text of a message.URI
	}
	var later string
	for range 2 {
		log.Print(later) // want text of a message.Message
		later = m.CallID
	}
	if m.Status > 700 {
		panic("no such status in " + m.CallID) // want text of a message.Message
	}
	l.Info("came", "status", m.Status, "number", len(m.Body), "hops", m.MaxForwards)
	return errors.New("from " + m.From.URI.User) // want text of a message.URI
}

func raw(l *slog.Logger, packet []byte, d *sdp.Description, leg *call.Leg, c digest.Request) {
	l.Info("came", "packet", packet)        // want raw bytes
	log.Printf("%x", packet[:12])           // want raw bytes
	s := string(packet)                     //
	fmt.Println("came", s)                  // want raw bytes
	l.Info("leg", "to", leg.To, "leg", leg) // want text of a call.Leg // want a call.Leg
	_ = fmt.Sprint(d)                       // want sdp.Description
	_ = fmt.Sprintf("%v", c)                // want digest.Request
	l.Info("came", "bytes", len(packet), "is", s == "")
}

func parties(l *slog.Logger, h *sentinel.Hit, p *call.Party, c call.Circle, m *message.Message) error {
	l.Info("leak", "in", h.Text)              // want text of a sentinel.Hit
	l.Info("leak", "in", string(h.Text[2:]))  // want text of a sentinel.Hit
	l.Info("leak", "of", h.Secret.Text)       // want text of a sentinel.Secret
	l.Info("leak", "of", h.Secret)            // want sentinel.Secret
	fmt.Println("leak", h)                    // want sentinel.Hit
	log.Print(p.Secrets, p.CallID)            // want sentinel.Secrets // want text of a call.Party
	_ = fmt.Sprintf("%v", *p)                 // want call.Party
	_ = fmt.Sprint("who ", c.Present[0].Host) // want text of a call.Party
	_ = fmt.Sprint(c)                         // want call.Circle
	for _, s := range p.Said {                //
		_, _ = os.Create(s) // want text of a call.Party
	}
	l.Info("leak", "kind", h.Kind, "start", h.Start, "trunk", p.Trunk)
	return errors.New("a phone of " + m.Agent) // want text of a message.Message
}

func asked(l *slog.Logger, r binding.Request, q admin.BindingQuery, k admin.Question) error {
	l.Info("asked", "a", r.A, "order", r.Order) // want number in Request.A
	if len(r.Group) > 0 {
		_ = fmt.Sprint(r.Group[0]) // want number in Request.Group
	}
	_ = exec.Command("dial", q.Number)                    // want number in BindingQuery.Number
	_, err := os.Create("recording-" + k.Caller + ".wav") // want number in Question.Caller
	return errors.Join(err, fmt.Errorf("no such mode as %s", r.Mode))
}

func asks(l *slog.Logger, b binding.BarRequest, q admin.BarQuery, h admin.HistoryRequest, e admin.EraseRequest, u binding.Update) {
	l.Info("asked", "number", b.Number, "peer", b.Peer) // want number in BarRequest.Number // want number in BarRequest.Peer
	fmt.Println(q.Number, h.Number, h.Order)            // want number in BarQuery.Number // want number in HistoryRequest.Number
	panic(e.Number)                                     // want number in EraseRequest.Number
	fmt.Println(*u.A, u.GroupAdd)                       // want number in Update.A // want number in Update.GroupAdd
	l.Info("asked", "query", q, "entry", b, "erase", &e)
}

// form is of nobody's list: its fields are called as what they hold, or are filled with it.
type form struct { // want number in form.callee // want number in form.text
	callee string
	text   string
	kind   string
}

// shy prints itself, and a log would write its fields.
type shy struct {
	Caller string
}

func (shy) String() string   { return "shy" }
func (shy) GoString() string { return "shy" }

// wrapper has what it prints within another.
type wrapper struct {
	shy
}

func filled(l *slog.Logger, t *trunk.Trunk, p binding.Plan, n binding.Number) error {
	f := form{text: t.CalleeURI(p, n, "h"), kind: "call"}
	l.Info("called", "text", f.text)     // want number in form.text
	l.Info("called", "shy", shy{})       // want number in shy.Caller
	fmt.Println(wrapper{}.Caller, shy{}) // want number in shy.Caller
	for _, one := range []struct{ callee, name string }{} {
		fmt.Print(one.callee, one.name) // want number in .callee
	}
	uri := t.CalleeURI(p, n, "h")
	return fmt.Errorf("no answer from %s, %s", uri, given(f)) // want number in clear // want number in clear
}

// given gives a number back, so that what it gives is one.
func given(f form) string { return strings.ToLower(f.callee) }

func written(w io.Writer, f form, m *message.Message, sealed []byte) {
	_ = os.WriteFile("numbers", []byte(f.callee), 0o600) // want number in form.callee
	_, _ = io.WriteString(w, m.CallID)                   // want text of a message.Message
	_, _ = w.Write([]byte("to " + f.text))               // want number in form.text
	var b strings.Builder
	b.WriteString(f.callee)
	fmt.Println(b.String())                                                             // want number in form.callee
	_, _ = http.NewRequest("GET", "/v1/history?number="+url.QueryEscape(f.callee), nil) // want number in form.callee
	_, _ = http.NewRequest("POST", "/v1/history", bytes.NewReader(sealed))
	_, _ = w.Write(sealed)
	_ = os.WriteFile("rows", sealed, 0o600)
	fmt.Println(f.kind)
}

// sealedForm has a number, and says itself what an encoder writes of it.
type sealedForm struct { // want number in sealedForm.Callee
	Callee string
}

func (sealedForm) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// files are written to by more than Write.
func files(w *os.File, in *bufio.Writer, f form, sealed []byte) {
	_, _ = w.WriteAt([]byte(f.callee), 0) // want number in form.callee
	_, _ = w.WriteAt(sealed, 0)
	_, _ = io.Copy(w, strings.NewReader(f.callee))               // want number in form.callee
	_, _ = io.CopyN(w, bytes.NewReader([]byte(f.text)), 4)       // want number in form.text
	_, _ = w.ReadFrom(strings.NewReader(f.callee))               // want number in form.callee
	_, _ = bytes.NewBufferString(f.callee).WriteTo(w)            // want number in form.callee
	_ = binary.Write(w, binary.BigEndian, []byte(f.callee))      // want number in form.callee
	_, _ = unix.Write(1, []byte(f.callee))                       // want number in form.callee
	_ = unix.Sendto(1, []byte(f.callee), 0, nil)                 // want number in form.callee
	_, _ = (*net.UDPConn)(nil).WriteToUDP([]byte(f.callee), nil) // want number in form.callee
	_, _ = (*net.UDPConn)(nil).WriteToUDPAddrPort(sealed, netip.AddrPort{})
	_, _ = io.Copy(w, bytes.NewReader(sealed))
	_ = binary.Write(w, binary.BigEndian, len(f.callee))
	_, _ = in.WriteString(f.callee)   // want number in form.callee
	_, _ = in.Write([]byte(f.callee)) // want number in form.callee
	_, _ = in.WriteString(f.kind)
	out := bufio.NewWriter(w)
	_, _ = out.WriteString("to " + f.callee) // want number in form.callee
	_, _ = out.Write(sealed)
	table := csv.NewWriter(w)
	_ = table.Write([]string{f.kind, f.callee})      // want number in form.callee
	_ = table.WriteAll([][]string{{f.kind, f.text}}) // want number in form.text
	_ = table.Write([]string{f.kind})
}

// encoders write fields, whatever the struct prints.
func encoders(w io.Writer, f form, page *template.Template) {
	_ = json.NewEncoder(w).Encode(f.callee)                              // want number in form.callee
	_ = json.NewEncoder(w).Encode(map[string]string{"callee": f.callee}) // want number in form.callee
	_ = json.NewEncoder(w).Encode(shy{})                                 // want number in shy.Caller
	_ = gob.NewEncoder(w).Encode([]form{f})                              // want number in form.callee
	_ = xml.NewEncoder(w).Encode(&f)                                     // want number in form.callee
	_ = page.Execute(w, f)                                               // want number in form.callee
	_ = page.ExecuteTemplate(w, "row", f.callee)                         // want number in form.callee
	_ = json.NewEncoder(w).Encode(sealedForm{})
	_ = json.NewEncoder(w).Encode(struct{ Kind string }{f.kind})
	_ = page.Execute(w, f.kind)
}

// kept is in a buffer until somebody prints that.
func kept(w io.Writer, f form, v url.Values) {
	var b, other bytes.Buffer
	enc := json.NewEncoder(&b)
	_ = enc.Encode(f.callee)
	_, _ = w.Write(b.Bytes()) // want number in form.callee
	_, _ = io.Copy(&other, strings.NewReader(f.callee))
	_, _ = io.Copy(w, &other) // want number in form.callee
	var clean bytes.Buffer
	_, _ = io.WriteString(&clean, f.kind)
	_, _ = w.Write(clean.Bytes())
	var rows strings.Builder
	table := csv.NewWriter(&rows)
	_ = table.Write([]string{f.text})
	fmt.Println(rows.String())           // want number in form.text
	_, _ = http.Get("/v1?" + v.Encode()) // want number in form.callee
	v.Set("number", f.callee)
	query := url.Values{}
	query.Add("kind", f.kind)
	_, _ = http.Get("/v1?" + query.Encode())
}

func answered(w http.ResponseWriter, r *http.Request, f form, s *syslog.Writer) {
	http.Error(w, "no such number as "+f.callee, 404) // want number in form.callee
	http.Redirect(w, r, "/history/"+f.callee, 302)    // want number in form.callee
	http.SetCookie(w, &http.Cookie{Value: f.callee})  // want number in form.callee
	w.Header().Set("X-Number", f.callee)              // want number in form.callee
	w.Header().Add("X-Number", f.text)                // want number in form.text
	_ = s.Info("called " + f.callee)                  // want number in form.callee
	_, _ = syslog.New(syslog.LOG_INFO, f.callee)      // want number in form.callee
	_, _ = s.Write([]byte(f.callee))                  // want number in form.callee
	http.Error(w, "no such number", 404)
	w.Header().Set("X-Kind", f.kind)
	_ = s.Info("called " + f.kind)
}

// attributes are made here, and logged there.
func attributes(l *slog.Logger, f form, n binding.Number) {
	list := []slog.Attr{slog.Any("who", n), slog.String("kind", f.kind)}
	list = append(list, slog.String("who", f.callee)) // want number in form.callee
	one := slog.Attr{Key: f.callee, Value: slog.IntValue(1)}
	l.LogAttrs(context.Background(), 0, "called", list...) // want number in form.callee
	l.LogAttrs(context.Background(), 0, "called", one)     // want number in form.callee
	l.LogAttrs(context.Background(), 0, "called", slog.Any("who", n))
	r := slog.Record{}
	r.AddAttrs(slog.Group("party", "who", f.callee)) // want number in form.callee // want number in form.callee
	r.AddAttrs(slog.Group("party", "who", n))
}

func address(l *slog.Logger, peer netip.AddrPort) {
	l.Info("came", "peer", peer)                 // want an address
	l.Info("came", "peer", peer.Addr().String()) // want an address
	l.Info("came", "port", peer.Port())
}

// teller is behind what a number is handed to.
type teller interface {
	tell(l *slog.Logger, who string)
}

type loud struct{}

func (loud) tell(l *slog.Logger, who string) { l.Info("called", "who", who) } // want number in clear that a caller gives

// word is a text with methods.
type word string

func (w word) say() { fmt.Println(w) } // want number in clear that a caller gives

// handed prints nothing: those do that it calls, and those that they call.
func handed(l *slog.Logger, t teller, p binding.Plan, n binding.Number) (string, error) {
	digits := p.Format(n, 0) // want Format
	first(l, "called", digits)
	t.tell(l, strings.TrimSpace(digits))
	several(1, "who", digits)
	word(digits).say()
	of(l, slog.String("who", digits)) // want number in clear
	return same(digits), refused(form{text: digits})
}

func first(l *slog.Logger, what, who string) {
	l.Info(what)
	func() { second(l, what+" "+who) }()
}

func second(l *slog.Logger, who string) {
	for _, part := range strings.Fields(who) {
		l.Info("called", "who", part) // want number in clear that a caller gives
	}
}

func several(n int, words ...string) {
	fmt.Println(n, words) // want number in clear that a caller gives
}

func of(l *slog.Logger, a slog.Attr) {
	l.Info("called", a) // want number in clear that a caller gives
}

func refused(f form) error { return errors.New("no such number as " + f.text) } // want number in form.text

// same is given a number by some, and others may print what they give it.
func same(text string) string { return text }

// innocent is what may stay.
func innocent(l *slog.Logger, n binding.Number, r cdr.Record, m *message.Message) error {
	l.Info("call", "caller", n, "record", r.ID, "from", r.CallerIn, "masked", n.Masked())
	fmt.Println(n, r.CallerIn.String(), len(m.CallID), same("constant"))
	known := m.Method == "INVITE"
	return fmt.Errorf("caller %s: %t", n, known)
}

func use(...any) {}
