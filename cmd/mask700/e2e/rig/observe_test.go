package rig

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const pdml = `<?xml version="1.0" encoding="utf-8"?>
<pdml version="0">
<packet>
  <proto name="ip" showname="Internet Protocol">
    <field name="ip.src" showname="Source: 127.1.2.3" show="127.1.2.3" value="7f010203"/>
    <field name="ip.dst" showname="Destination: 127.1.2.4" show="127.1.2.4" value="7f010204"/>
  </proto>
  <proto name="sip" showname="Session Initiation Protocol (INVITE)">
    <field name="sip.msg_hdr" show="all" value="">
      <field name="sip.Call-ID" showname="Call-ID: one &amp; two" show="one &amp; two" value="6b616e617269"/>
      <field name="" show="a line" value=""/>
      <field name="sip.bits" show="1" value="5" unmaskedvalue="05"/>
    </field>
  </proto>
</packet>
<packet><proto name="rtcp"><field name="rtcp.sdes.text" show="x" value="78"/></proto></packet>
<packet>
  <field name="frame.time" show="clock" value=""/>
  <field name="udp.srcport" show="port" value="13c4"/>
  <field name="udp.time_delta" show="delta" value=""/>
  <field name="udp.payload" show="datagram" value=""/>
  <field name="rtp.ssrc" show="source" value=""/>
  <field name="rtp.payload" show="sound" value="d5d5"/>
</packet>
<packet>
  <field name="tcp.seq_raw" show="1391357902" value=""/>
  <field name="tcp.payload" show="segment" value=""/>
  <field name="udp.payload" show="datagram" value=""/>
</packet>
</pdml>`

func TestFieldsOfTshark(t *testing.T) {
	list, err := readPDML(strings.NewReader(pdml))
	if err != nil || len(list) != 4 {
		t.Fatalf("%d packets, %v", len(list), err)
	}
	p := list[0]
	if p.From != netip.MustParseAddr("127.1.2.3") || p.To != netip.MustParseAddr("127.1.2.4") || len(p.Fields) != 6 {
		t.Errorf("%+v", p)
	}
	if got := p.Of("sip.Call-ID"); !slices.Equal(got, []string{"one & two"}) {
		t.Errorf("%q", got)
	}
	text := p.Text()
	for _, want := range []string{"one & two", "Call-ID: one & two", "kanari", "a line", "Source: 127.1.2.3", "\x7f\x01\x02\x04"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	for i, want := range []string{"port source", "segment datagram"} {
		if got := strings.Join(strings.Fields(strings.Map(printable, list[2+i].Text())), " "); got != want {
			t.Errorf("%q is searched, want %q", got, want)
		}
	}
	for _, wrong := range []string{pdml[:len(pdml)-20], "<field/>", strings.Replace(pdml, `show="127.1.2.4"`, `show="here"`, 1)} {
		if _, err := readPDML(strings.NewReader(wrong)); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
}

// printable leaves letters and digits.
func printable(r rune) rune {
	if r < 'a' || r > 'z' {
		return ' '
	}
	return r
}
