package transport

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// found is an event of the framer in a form that can be compared and printed.
func found(what event, frame []byte, bad bool) string {
	switch what {
	case ping:
		return "ping"
	case broken:
		return fmt.Sprintf("broken %q", frame)
	default:
		if bad {
			return fmt.Sprintf("bad message %q", frame)
		}
		return fmt.Sprintf("message %q", frame)
	}
}

// frameAll gives a stream to a framer in pieces of the sizes that cut returns.
func frameAll(f *framer, stream []byte, cut func() int) []string {
	var all []string
	for {
		for {
			what, frame := f.next()
			if what == more {
				break
			}
			all = append(all, found(what, frame, f.bad))
		}
		if len(stream) == 0 {
			return all
		}
		n := copy(f.space(), stream[:min(max(cut(), 1), len(stream))])
		f.fill(n)
		stream = stream[n:]
	}
}

func pieces(n int) func() int { return func() int { return n } }

func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func TestFramer(t *testing.T) {
	options := crlf("OPTIONS sip:a SIP/2.0", "Via: x", "Content-Length: 0", "")
	message := func(s string) string { return fmt.Sprintf("message %q", s) }
	bad := func(s string) string { return fmt.Sprintf("bad message %q", s) }
	broken := func(s string) string { return fmt.Sprintf("broken %q", s) }
	head := func(lines ...string) string {
		return crlf(append(append([]string{"OPTIONS sip:a SIP/2.0"}, lines...), "")...)
	}
	for _, test := range []struct {
		name   string
		stream string
		want   []string
	}{
		{"nothing", "", nil},
		{"one message", options, []string{message(options)}},
		{"two at once", options + options, []string{message(options), message(options)}},
		{"message and a half", options + options[:30], []string{message(options)}},
		{"body", head("Content-Length: 5") + "v=0\r\n" + options,
			[]string{message(head("Content-Length: 5") + "v=0\r\n"), message(options)}},
		{"body of blank lines", head("Content-Length: 8") + "\r\n\r\n\n\n\r\r" + options,
			[]string{message(head("Content-Length: 8") + "\r\n\r\n\n\n\r\r"), message(options)}},
		{"compact", head("l:1") + "x" + options, []string{message(head("l:1") + "x"), message(options)}},
		{"compact in upper case", head("L:1") + "x", []string{message(head("L:1") + "x")}},
		{"mixed case and blanks before the colon", head("cOnTeNt-LeNgTh \t : 1 ") + "x", []string{message(head("cOnTeNt-LeNgTh \t : 1 ") + "x")}},
		{"folded value", head("Content-Length:", " \t2") + "xy", []string{message(head("Content-Length:", " \t2") + "xy")}},
		{"fold behind the value", head("l: 2 ", "\t") + "xy", []string{message(head("l: 2 ", "\t") + "xy")}},
		{"leading zeros", head("l: 0000000000000000000002") + "xy", []string{message(head("l: 0000000000000000000002") + "xy")}},
		{"absent: no body", head("To: x") + options, []string{message(head("To: x")), message(options)}},
		{"in a folded line of another header", head("Subject: a", " l: 5") + options, []string{message(head("Subject: a", " l: 5")), message(options)}},
		{"other names that begin alike", head("Contact: a", "Content-Language: 7", "Label: 7") + options,
			[]string{message(head("Contact: a", "Content-Language: 7", "Label: 7")), message(options)}},

		{"twice", head("l: 5", "Content-Length: 5"), []string{broken(head("l: 5", "Content-Length: 5"))}},
		{"a list", head("l: 5, 5"), []string{broken(head("l: 5, 5"))}},
		{"empty", head("l:"), []string{broken(head("l:"))}},
		{"signed", head("l: -1"), []string{broken(head("l: -1"))}},
		{"two numbers by folding", head("l: 1", " 2"), []string{broken(head("l: 1", " 2"))}},
		{"not a number", head("l: 1x"), []string{broken(head("l: 1x"))}},
		{"NUL behind the number", head("l: 1\x00"), []string{broken(head("l: 1\x00"))}},
		{"beyond the limit", head("l: 65535"), []string{broken(head("l: 65535"))}},
		{"beyond any integer", head("l: 99999999999999999999999"), []string{broken(head("l: 99999999999999999999999"))}},
		{"nothing after broken", head("l: x") + options, []string{broken(head("l: x"))}},

		{"NUL in a header", head("Subject: a\x00b") + options, []string{bad(head("Subject: a\x00b")), message(options)}},
		{"lone LF in a header", head("Subject: a\nb") + options, []string{bad(head("Subject: a\nb")), message(options)}},
		{"lone CR in a header", head("Subject: a\rb") + options, []string{bad(head("Subject: a\rb")), message(options)}},
		{"bad bytes in a body are none", head("l: 4") + "\x00\r\n\n" + options,
			[]string{message(head("l: 4") + "\x00\r\n\n"), message(options)}},
		{"length after a lone LF", head("Subject: a\nl: 5"), []string{broken(head("Subject: a\nl: 5"))}},
		{"length after a lone CR", head("Subject: a\rl: 5"), []string{broken(head("Subject: a\rl: 5"))}},
		{"length ended by a lone LF", head("l: 5\nSubject: a"), []string{broken(head("l: 5\nSubject: a"))}},
		{"length folded by a lone LF", head("l: 5\n 6"), []string{broken(head("l: 5\n 6"))}},
		{"folded length ended by a lone LF", head("l:", " 5\nSubject: a"), []string{broken(head("l:", " 5\nSubject: a"))}},
		{"length seen two ways", head("l: 5", "Subject: a\nl: 6"), []string{broken(head("l: 5", "Subject: a\nl: 6"))}},
		{"header end of lone LFs", "OPTIONS sip:a SIP/2.0\nl: 0\n\n" + options, []string{broken("OPTIONS sip:a SIP/2.0\nl: 0\n\n")}},
		{"header end after a lone LF", "OPTIONS sip:a SIP/2.0\n\r\n" + options, []string{broken("OPTIONS sip:a SIP/2.0\n\r\n")}},
		{"header end of CR CR", "OPTIONS sip:a SIP/2.0\r\rl: 0\r\n\r\n", []string{broken("OPTIONS sip:a SIP/2.0\r\rl: 0\r\n")}},
		{"header end of CR CRLF", "OPTIONS sip:a SIP/2.0\r\r\n\r\n", []string{broken("OPTIONS sip:a SIP/2.0\r\r\n")}},
		{"header end of CRLF CR", "OPTIONS sip:a SIP/2.0\r\n\rl: 0\r\n\r\n", []string{broken("OPTIONS sip:a SIP/2.0\r\n\rl: 0\r\n")}},

		{"blank lines before a message", "\r\n" + options + "\r\n" + options, []string{message(options), message(options)}},
		{"ping", "\r\n\r\n", []string{"ping"}},
		{"pong is not a ping", "\r\n" + options + "\r\n", []string{message(options)}},
		{"two pings and a message", "\r\n\r\n\r\n\r\n" + options, []string{"ping", "ping", message(options)}},
		{"ping between messages", options + "\r\n\r\n" + options, []string{message(options), "ping", message(options)}},
		{"lone line ends are no ping", "\n\n\r\r\r\n\n\r\n" + options, []string{message(options)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 1, 2, 3, 7} {
				got := frameAll(newFramer(maxFrame), []byte(test.stream), pieces(size))
				if !slices.Equal(got, test.want) {
					t.Errorf("in pieces of %d: got\n%s\nwant\n%s", size, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
			}
		})
	}
}

// Answers to pings of ours are not pings when there are two of them.
func TestFramerPong(t *testing.T) {
	f := newFramer(maxFrame)
	message := crlf("OPTIONS sip:a SIP/2.0", "l: 0", "")
	for _, step := range []struct {
		pinged bool
		read   string
		want   string
	}{
		{true, "\r\n", ""}, {true, "\r\n", ""}, {true, "\r", ""}, {false, "\n", ""},
		{true, "\r\n" + message, fmt.Sprintf("message %q", message)},
		{false, "\r\n\r\n", "ping"},
		{true, "\r\n\r\n\r\n", "ping"},
	} {
		if step.pinged {
			f.pinged()
		}
		if got := strings.Join(frameAll(f, []byte(step.read), pieces(1)), " "); got != step.want {
			t.Errorf("%q gives %s, want %s", step.read, got, step.want)
		}
	}
}

func TestFramerLimit(t *testing.T) {
	const limit = 1000
	head := crlf("OPTIONS sip:a SIP/2.0", "l: %03d", "")
	head = fmt.Sprintf(head, limit-len(head)+1)
	whole := head + strings.Repeat("x", limit-len(head))
	for _, size := range []int{1 << 20, 1, 100} {
		got := frameAll(newFramer(limit), []byte(whole+whole), pieces(size))
		if want := fmt.Sprintf("message %q", whole); len(got) != 2 || got[0] != want || got[1] != want {
			t.Errorf("in pieces of %d: a message of exactly the limit gives %q", size, got)
		}
		if got := frameAll(newFramer(limit-1), []byte(whole), pieces(size)); len(got) != 1 || got[0] != fmt.Sprintf("broken %q", head) {
			t.Errorf("in pieces of %d: a message beyond the limit gives %q", size, got)
		}
		for _, endless := range []string{strings.Repeat("x", limit), strings.Repeat("x: y\r\n", limit)} {
			if got := frameAll(newFramer(limit), []byte(endless), pieces(size)); !slices.Equal(got, []string{`broken ""`}) {
				t.Errorf("in pieces of %d: a header without end gives %q", size, got)
			}
		}
	}
}

// The buffer of a connection that once carried large messages shrinks again.
func TestFramerLetsGoOfALargeBuffer(t *testing.T) {
	f := newFramer(maxFrame)
	large := crlf("OPTIONS sip:a SIP/2.0", "l: 60000", "") + strings.Repeat("x", 60000)
	if got := frameAll(f, []byte(large), pieces(1<<20)); len(got) != 1 {
		t.Fatalf("%d events", len(got))
	}
	if f.space(); len(f.buf) > 4*firstRead {
		t.Errorf("the buffer still holds %d bytes", len(f.buf))
	}
}

// FuzzFramer: however a stream is cut, the same messages come out, in order, out
// of the stream, none longer than the limit.
func FuzzFramer(f *testing.F) {
	for _, stream := range []string{
		crlf("OPTIONS sip:a SIP/2.0", "Content-Length: 3", "") + "abc\r\n\r\n" + crlf("SIP/2.0 200 OK", "l: 0", ""),
		crlf("BYE sip:a SIP/2.0", "l:", " 1", "") + "x" + crlf("BYE sip:a SIP/2.0", "X: a\nb", ""),
		crlf("BYE sip:a SIP/2.0", "l: 1", "l: 1", ""),
		"\r\n\r\n\r\nBYE x\n\n",
		"BYE x\r\n\rl: 1\r\n\r\n",
	} {
		f.Add([]byte(stream), []byte{1, 5, 0, 30})
	}
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		const limit = 300
		at := 0
		byCuts := func() int {
			if len(cuts) == 0 {
				return 1
			}
			at++
			return int(cuts[at%len(cuts)])
		}
		whole := frameAll(newFramer(limit), stream, pieces(len(stream)))
		cut := frameAll(newFramer(limit), stream, byCuts)
		if !slices.Equal(whole, cut) {
			t.Fatalf("in one piece:\n%s\nin pieces:\n%s", strings.Join(whole, "\n"), strings.Join(cut, "\n"))
		}
		one := newFramer(limit)
		rest := stream
		fed := 0
		for {
			what, frame := one.next()
			if what == more {
				if fed == len(stream) {
					return
				}
				n := copy(one.space(), stream[fed:])
				one.fill(n)
				fed += n
				continue
			}
			if what == ping {
				continue
			}
			if len(frame) > limit {
				t.Fatalf("a frame of %d bytes", len(frame))
			}
			i := bytes.Index(rest, frame)
			if i < 0 || strings.Trim(string(rest[:i]), "\r\n") != "" {
				t.Fatalf("%q is not what comes next in %q", frame, rest)
			}
			rest = rest[i+len(frame):]
			if what == broken {
				return
			}
			if end := bytes.Index(frame, []byte("\r\n\r\n")); end < 0 || len(bytes.TrimLeft(frame[:2], "\r\n")) == 0 {
				t.Fatalf("%q has no header", frame)
			}
		}
	})
}

func BenchmarkFramer(b *testing.B) {
	invite := []byte(crlf("INVITE sip:70010000001@192.0.2.1 SIP/2.0", "Via: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKabcdefgh",
		"Max-Forwards: 70", "From: <sip:192.0.2.2>;tag=abcdefgh", "To: <sip:192.0.2.1>", "Call-ID: abcdefghijklmnop",
		"CSeq: 1 INVITE", "Contact: <sip:192.0.2.2>", "Content-Type: application/sdp", "Content-Length: 200", "") + strings.Repeat("a=x\r\n", 40))
	f := newFramer(maxFrame)
	b.ReportAllocs()
	b.SetBytes(int64(len(invite)))
	for b.Loop() {
		f.fill(copy(f.space(), invite))
		if what, _ := f.next(); what != message {
			b.Fatal(what)
		}
	}
}
