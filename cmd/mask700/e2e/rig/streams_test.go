package rig

import (
	"net/netip"
	"testing"
)

const tsharkTable = `========================= RTP Streams ========================
   Start time      End time     Src IP addr  Port    Dest IP addr  Port       SSRC          Payload  Pkts         Lost   Min Delta(ms)  Mean Delta(ms)   Max Delta(ms)  Min Jitter(ms) Mean Jitter(ms)  Max Jitter(ms) Problems?
     0.000000      1.319562       127.0.0.2 40000       127.0.0.1 40002 0x1234ABCD            g711A    58     2 (3.3%)          20.564          23.150          27.973           0.477           2.919           4.764 X
     0.000100      1.319562       127.0.0.1 40002       127.0.0.2 40000 0x00000001     g711A, CN, telephone-event    60    -1 (-1.7%)          20.564          23.150          27.973           0.000           0.100           0.200
==============================================================
`

func TestParseStreams(t *testing.T) {
	a, b := netip.MustParseAddrPort("127.0.0.2:40000"), netip.MustParseAddrPort("127.0.0.1:40002")
	got, err := parseStreams(tsharkTable)
	if err != nil {
		t.Fatal(err)
	}
	want := []Stream{{a, b, "0x1234ABCD", 58, 2, .477, 4.764}, {b, a, "0x00000001", 60, -1, 0, .2}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
	if _, err := parseStreams("  0.0 1.0 127.0.0.2 1 127.0.0.1 2 0x1 g711A many"); err == nil {
		t.Error("a row of another shape was passed over")
	}
}
