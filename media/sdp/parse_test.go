package sdp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// plain is a description that can be relayed; tests change one thing in it.
const plain = "v=0\r\no=- 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n"

func TestParseToleratesLineEnds(t *testing.T) {
	for name, text := range map[string]string{
		"CRLF":             plain,
		"LF":               strings.ReplaceAll(plain, "\r\n", "\n"),
		"no final newline": strings.TrimSuffix(plain, "\r\n"),
		"mixed":            strings.Replace(plain, "\r\n", "\n", 3),
		"blank at the end": plain + "\r\n\r\n",
	} {
		d, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m, err := Remote(d); err != nil || m.RTP != netip.MustParseAddrPort("10.1.2.3:4000") {
			t.Errorf("%s: remote %v, %v", name, m.RTP, err)
		}
	}
}

// What is only looked at for its form may have the form that some phones give it.
func TestParseToleratesItsWriters(t *testing.T) {
	for name, text := range map[string]string{
		"a user of several words":  strings.Replace(plain, "o=- ", "o=Front Desk 2 ", 1),
		"spaces between the words": strings.Replace(plain, "o=- 1 1 ", "o=- 1  1   ", 1),
		"tab in the subject":       strings.Replace(plain, "s=-", "s=a\tb", 1),
		"tabs in the origin":       strings.Replace(plain, "o=- 1 1 IN", "o=-\t1\t1\tIN", 1),
		"tabs in the connection":   strings.Replace(plain, "c=IN IP4 ", "c=IN\tIP4\t", 1),
		"tabs in the media":        strings.Replace(plain, "m=audio 4000 RTP/AVP 8", "m=audio\t4000\tRTP/AVP\t8", 1),
		"tab in an attribute":      strings.Replace(plain, "a=sendrecv", "a=rtpmap:8\tPCMA/8000\r\na=x\ty", 1),
	} {
		d, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m, err := Remote(d); err != nil || m.RTP != netip.MustParseAddrPort("10.1.2.3:4000") || len(m.Types) != 1 || m.Types[0].PT != 8 {
			t.Errorf("%s: remote %v with %v, %v", name, m.RTP, m.Types, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const secret = "13800138000"
	tests := []struct{ name, text, why string }{
		{"nothing", "", "empty"},
		{"only line ends", "\r\n\r\n", "equals sign"},
		{"another version", strings.Replace(plain, "v=0", "v=1", 1), "version 0"},
		{"no version", strings.TrimPrefix(plain, "v=0\r\n"), "version 0"},
		{"version twice", strings.Replace(plain, "s=-", "v=0", 1), "repeated"},
		{"no origin", strings.Replace(plain, "o=- 1 1 IN IP4 10.1.2.3\r\n", "", 1), "no origin"},
		{"short origin", strings.Replace(plain, "o=- 1 1", "o="+secret, 1), "six fields"},
		{"origin twice", strings.Replace(plain, "s=-", "o=- 1 1 IN IP4 10.1.2.3", 1), "origin"},
		{"blank line inside", strings.Replace(plain, "s=-", "", 1), "equals sign"},
		{"no equals sign", strings.Replace(plain, "s=-", "s "+secret, 1), "equals sign"},
		{"unknown letter", strings.Replace(plain, "s=-", "x="+secret, 1), "type letter"},
		{"capital letter", strings.Replace(plain, "s=-", "S=-", 1), "type letter"},
		{"NUL", strings.Replace(plain, "s=-", "s=\x00", 1), "control"},
		{"bare CR", strings.Replace(plain, "s=-", "s=a\rb", 1), "control"},
		{"delete", strings.Replace(plain, "s=-", "s=a\x7fb", 1), "control"},
		{"long line", strings.Replace(plain, "s=-", "s="+strings.Repeat("x", MaxLine), 1), "too long"},
		{"many lines", plain + strings.Repeat("a=x\r\n", MaxLines), "too many lines"},
		{"large", plain + strings.Repeat("a="+strings.Repeat("x", 4000)+"\r\n", 10), "too large"},
		{"many media", plain + strings.Repeat("m=audio 0 RTP/AVP 0\r\n", MaxMedia), "too many media"},
		{"many formats", plain + "m=audio 0 RTP/AVP" + strings.Repeat(" 0", MaxFormats+1), "too many formats"},
		{"short media", strings.Replace(plain, " 8\r\n", "\r\n", 1), "too few"},
		{"port text", strings.Replace(plain, "4000", secret, 1), "not a port"},
		{"port count text", strings.Replace(plain, "4000", "4000/x", 1), "number of ports"},
		{"payload type 128", strings.Replace(plain, "AVP 8", "AVP 128", 1), "payload type"},
		{"payload type text", strings.Replace(plain, "AVP 8", "AVP x", 1), "payload type"},
		{"connection short", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP4", 1), "Internet"},
		{"connection not IP", strings.Replace(plain, "c=IN IP4", "c=IN IP5", 1), "Internet"},
		{"connection not IN", strings.Replace(plain, "c=IN IP4", "c=ATM IP4", 1), "Internet"},
	}
	for _, tt := range tests {
		d, err := Parse([]byte(tt.text))
		var fault *Error
		if !errors.As(err, &fault) || d != nil {
			t.Errorf("%s: got %v, %v", tt.name, d, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %q does not say %q", tt.name, err, tt.why)
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error repeats the input: %q", tt.name, err)
		}
	}
}

func TestNotMaskable(t *testing.T) {
	tests := []struct{ name, text string }{
		{"no media", plain[:strings.Index(plain, "m=")]},
		{"secure RTP", strings.Replace(plain, "RTP/AVP", "RTP/SAVP", 1)},
		{"DTLS", strings.Replace(plain, "RTP/AVP", "UDP/TLS/RTP/SAVPF", 1)},
		{"only video", strings.Replace(plain, "m=audio", "m=video", 1)},
		{"host name", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP4 media.example.com", 1)},
		{"host name in media", plain + "c=IN IP4 media.example.com"},
		{"no connection", strings.Replace(plain, "c=IN IP4 10.1.2.3\r\n", "", 1)},
		{"multicast", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP4 224.2.1.1/127", 1)},
		{"multicast without scope", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP4 224.2.1.1", 1)},
		{"IPv6 multicast", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP6 ff15::101", 1)},
		{"broadcast", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP4 255.255.255.255", 1)},
		{"zone", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP6 fe80::1%eth0", 1)},
		{"family mismatch", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP6 10.1.2.3", 1)},
		{"unknown static type", strings.Replace(plain, "AVP 8", "AVP 1", 1)},
		{"dynamic type without rtpmap", strings.Replace(plain, "AVP 8", "AVP 96", 1)},
		{"unknown codec", strings.Replace(plain, "AVP 8", "AVP 96", 1) + "a=rtpmap:96 SECRET/8000"},
		{"wrong clock", strings.Replace(plain, "AVP 8", "AVP 96", 1) + "a=rtpmap:96 opus/8000/2"},
		{"wrong channels", strings.Replace(plain, "AVP 8", "AVP 96", 1) + "a=rtpmap:96 opus/48000/1"},
		{"static number of an unknown codec", plain + "a=rtpmap:8 SECRET/8000"},
		{"number that looks like RTCP on the same port", strings.Replace(plain, "AVP 8", "AVP 72", 1) + "a=rtpmap:72 PCMA/8000\r\na=rtcp-mux"},
		{"no clock", strings.Replace(plain, "AVP 8", "AVP 96", 1) + "a=rtpmap:96 PCMA"},
		{"clock of none", strings.Replace(plain, "AVP 8", "AVP 96", 1) + "a=rtpmap:96 PCMA/0"},
		{"redundancy, whose payload names payload types", strings.Replace(plain, "AVP 8", "AVP 96", 1) + "a=rtpmap:96 RED/8000"},
		{"events alone", strings.Replace(plain, "AVP 8", "AVP 101", 1) + "a=rtpmap:101 telephone-event/8000"},
		{"two layers", strings.Replace(plain, "4000", "4000/2", 1)},
		{"unknown kind of media", strings.Replace(plain, "m=audio", "m=13800138000", 1)},
		{"unknown transport", strings.Replace(plain, "RTP/AVP", "13800138000", 1)},
		{"kind that is no token", plain + "m=a@13800138000 9 RTP/AVP 0"},
		{"kind that is too long", plain + "m=" + strings.Repeat("x", maxToken+1) + " 9 RTP/AVP 0"},
		{"transport that is no token", plain + "m=video 9 UDP//RTP 31"},
		{"transport that ends in a slash", plain + "m=video 9 UDP/ 31"},
		{"transport that is too long", plain + "m=video 9 " + strings.Repeat("x/", maxToken/2) + "y 31"},
		{"format that is no token", plain + "m=control 9 UDP/CTL <13800138000>"},
		{"format that is not ASCII", plain + "m=control 9 UDP/CTL \u0661\u0663\u0668"},
		{"format that is too long", plain + "m=control 9 UDP/CTL " + strings.Repeat("1", maxToken+1)},
	}
	at := Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000}
	for _, tt := range tests {
		d, err := Parse([]byte(tt.text))
		if err == nil {
			_, err = Remote(d)
			l := NewLeg(1, Policy{})
			if _, offerErr := l.Offer(d, at); !errors.Is(offerErr, ErrNotMaskable) {
				t.Errorf("%s: offered: %v", tt.name, offerErr)
			}
			if l.Sent != nil || l.Audio.Line != -1 {
				t.Errorf("%s: a failed offer changed the leg", tt.name)
			}
		}
		if !errors.Is(err, ErrNotMaskable) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestParseReadsOneAudioStream(t *testing.T) {
	addr := netip.MustParseAddr("10.1.2.3")
	tests := []struct {
		name, text string
		want       Line
	}{
		{"static type", plain,
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
		{"direction of the session", strings.Replace(strings.Replace(plain, "a=sendrecv\r\n", "", 1), "t=0 0", "t=0 0\r\na=recvonly", 1),
			Line{Addr: addr, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
		{"address of the line", plain + "c=IN IP4 10.1.2.4",
			Line{Addr: netip.MustParseAddr("10.1.2.4"), Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
		{"mapped address", strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP6 ::ffff:10.1.2.3", 1),
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
		{"G722 at its sampling rate", strings.Replace(plain, "AVP 8", "AVP 9", 1) + "a=rtpmap:9 G722/16000",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 9, Name: "G722", Clock: 8000, Channels: 1}}}},
		{"number that looks like RTCP", strings.Replace(plain, "AVP 8", "AVP 72 95 64", 1) + "a=rtpmap:72 PCMA/8000\r\na=rtpmap:95 telephone-event/44100\r\na=rtpmap:64 CN/8000",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 72, Name: "PCMA", Clock: 8000, Channels: 1}, {PT: 95, Name: "telephone-event", Clock: 44100, Channels: 1}, {PT: 64, Name: "CN", Clock: 8000, Channels: 1}}}},
		{"static number of another codec", plain + "a=rtpmap:8 opus/48000/2",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "opus", Clock: 48000, Channels: 2}}}},
		{"static number of another clock", strings.Replace(plain, "AVP 8", "AVP 8 5 11", 1) + "a=rtpmap:8 PCMA/16000\r\na=rtpmap:5 DVI4/11025\r\na=rtpmap:11 L16/48000/2",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 16000, Channels: 1}, {PT: 5, Name: "DVI4", Clock: 11025, Channels: 1}, {PT: 11, Name: "L16", Clock: 48000, Channels: 2}}}},
		{"names that gateways write", strings.Replace(plain, "AVP 8", "AVP 18 4 98 99", 1) + "a=rtpmap:18 g729a/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:4 G.723.1/8000\r\na=rtpmap:98 ilbc/8000\r\na=rtpmap:99 clearmode/8000",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 18, Name: "G729", Clock: 8000, Channels: 1, Fmtp: "annexb=no"}, {PT: 4, Name: "G723", Clock: 8000, Channels: 1},
				{PT: 98, Name: "iLBC", Clock: 8000, Channels: 1}, {PT: 99, Name: "CLEARMODE", Clock: 8000, Channels: 1}}}},
		{"events of any clock", strings.Replace(plain, "AVP 8", "AVP 8 1 19 20 127 21 22", 1) + "a=rtpmap:1 telephone-event/11025\r\na=rtpmap:19 telephone-event/12000\r\na=rtpmap:20 telephone-event/1000\r\n" +
			"a=rtpmap:127 telephone-event/192000\r\na=rtpmap:21 telephone-event/999\r\na=rtpmap:22 telephone-event/192001",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}, {PT: 1, Name: "telephone-event", Clock: 11025, Channels: 1},
				{PT: 19, Name: "telephone-event", Clock: 12000, Channels: 1}, {PT: 20, Name: "telephone-event", Clock: 1000, Channels: 1}, {PT: 127, Name: "telephone-event", Clock: 192000, Channels: 1}}}},
		{"attributes that cannot be read", plain + "a=rtpmap:13800138000 PCMA/8000\r\na=fmtp:all mode=1\r\na=fmtp:*\r\na=rtcp:13800138000\r\na=rtcp:4001 IN IP4\r\na=rtcp:\r\na=crypto:1\r\na=ptime:x",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
		{"attributes of lines without payload types", plain + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=fmtp:webrtc-datachannel max-message-size=1\r\nm=message 9 TCP/MSRP *\r\n" +
			"a=fmtp:* x\r\na=rtcp:x\r\na=rtpmap:x",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
		{"repeats", strings.Replace(plain, "AVP 8", "AVP 8 8 96 0", 1) + "a=rtpmap:96 AMR/8000\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 octet-align=1\r\n",
			Line{Addr: addr, Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}, {PT: 96, Name: "AMR", Clock: 8000, Channels: 1, Fmtp: "octet-align=1"}, {PT: 0, Name: "PCMU", Clock: 8000, Channels: 1}}}},
		{"packet times", plain + "a=ptime:20.5\r\na=maxptime:13800138000",
			Line{Addr: addr, Send: true, Recv: true, Ptime: 20, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
		{"RTCP elsewhere", plain + "a=rtcp:5000 IN IP4 10.1.2.9\r\na=rtcp-mux",
			Line{Addr: addr, RTCP: netip.MustParseAddrPort("10.1.2.9:5000"), Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
		{"RTCP on a host name", plain + "a=rtcp:5000 IN IP4 host.example.com",
			Line{Addr: addr, RTCP: netip.MustParseAddrPort("10.1.2.3:5000"), Send: true, Recv: true, Codecs: []Codec{{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}}}},
	}
	for _, tt := range tests {
		d, err := Parse([]byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := d.stream()
		if got == nil {
			t.Errorf("%s: no audio", tt.name)
			continue
		}
		if got.Addr != tt.want.Addr || got.RTCP != tt.want.RTCP || got.Send != tt.want.Send || got.Recv != tt.want.Recv ||
			got.Ptime != tt.want.Ptime || got.MaxPtime != tt.want.MaxPtime {
			t.Errorf("%s: got %+v", tt.name, *got)
		}
		if len(got.Codecs) != len(tt.want.Codecs) {
			t.Errorf("%s: codecs %+v", tt.name, got.Codecs)
			continue
		}
		for i, c := range got.Codecs {
			if c != tt.want.Codecs[i] {
				t.Errorf("%s: codec %+v, want %+v", tt.name, c, tt.want.Codecs[i])
			}
		}
	}
}
