package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// frameOf is a datagram of a capture.
type frameOf struct {
	at       time.Time
	from, to netip.AddrPort
	data     []byte
}

// frames reads a capture back.
func frames(t *testing.T, b []byte) (out []frameOf) {
	t.Helper()
	le, be := binary.LittleEndian, binary.BigEndian
	if len(b) < pcapHeader || le.Uint32(b) != 0xa1b2c3d4 || le.Uint16(b[4:]) != 2 || le.Uint16(b[6:]) != 4 || le.Uint32(b[20:]) != linkRaw {
		t.Fatalf("not the header of a capture: % x", b[:min(len(b), pcapHeader)])
	}
	for b = b[pcapHeader:]; len(b) > 0; {
		n := int(le.Uint32(b[8:]))
		p := b[pcapItem : pcapItem+n]
		var sum uint32
		for i := 0; i < ipHeader; i += 2 {
			sum += uint32(be.Uint16(p[i:]))
		}
		if p[0] != 0x45 || int(be.Uint16(p[2:])) != n || p[9] != 17 || sum&0xffff+sum>>16 != 0xffff || int(be.Uint16(p[24:])) != n-ipHeader {
			t.Fatalf("not a datagram: % x", p[:min(n, 40)])
		}
		addr := func(b []byte, port []byte) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), be.Uint16(port))
		}
		out = append(out, frameOf{
			at:   time.Unix(int64(le.Uint32(b)), int64(le.Uint32(b[4:]))*1000),
			from: addr(p[12:16], p[20:]), to: addr(p[16:20], p[22:]), data: p[28:],
		})
		b = b[pcapItem+n:]
	}
	return out
}

func (m *made) pcap(t *testing.T, b []byte) ([]byte, Result) {
	t.Helper()
	var out bytes.Buffer
	var size int64
	res, err := MeasurePCAP(func() (*Reader, error) { return NewReader(bytes.NewReader(b), m.unwrap) }, func(_ Result, n int64) (io.Writer, error) {
		size = n
		return &out, nil
	})
	if err != nil || size != int64(out.Len()) {
		t.Fatalf("%v; %d bytes, said to be %d", err, out.Len(), size)
	}
	return out.Bytes(), res
}

const octetAligned = "AMR/8000 octet-align=1"

// mixed is a call whose parties speak several codecs, so many packets each.
func mixed(n int) (out []Packet) {
	for i := range n {
		at := time.Duration(i) * 20 * time.Millisecond
		codec := octetAligned
		if i >= n/2 {
			codec = "opus/48000/2"
		}
		out = append(out,
			Packet{Side: Caller, Codec: codec, Sequence: uint16(65530 + i), Timestamp: uint32(160 * i), At: at, Payload: []byte(fmt.Sprint("caller ", i))},
			Packet{Side: Callee, Codec: "PCMA", Sequence: uint16(9 + i), Timestamp: uint32(7 + 160*i), At: at + 1500*time.Microsecond, Payload: []byte(fmt.Sprint("callee ", i))})
	}
	return out
}

func TestPCAPHasEveryPacketAsItCame(t *testing.T) {
	packets := mixed(40)
	m := makeRecording(t, AES256GCM, split(packets, 7), &End{Packets: [2]uint64{40, 40}, Lost: 3})
	raw, res := m.pcap(t, m.bytes)
	if !res.Whole || res.Damaged || res.Packets != [2]uint64{40, 40} || res.Lost != 3 || res.Length != packets[79].At {
		t.Errorf("%+v", res)
	}
	var said []string
	i := 0
	for _, f := range frames(t, raw) {
		if f.to == captureHearers {
			said = append(said, string(f.data))
			continue
		}
		p := packets[i]
		i++
		number := map[string]uint8{octetAligned: 96, "PCMA": 8, "opus/48000/2": 97}[p.Codec]
		want := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16([]byte{0x80, number}, p.Sequence), p.Timestamp)
		want = append(binary.BigEndian.AppendUint32(want, uint32(p.Side)+1), p.Payload...)
		if f.from != captureHosts[p.Side] || f.to != captureHosts[p.Side^1] || !bytes.Equal(f.data, want) ||
			!f.at.Equal(start.Add(p.At).Truncate(time.Microsecond)) {
			t.Fatalf("packet %d: %+v, want % x", i-1, f, want)
		}
	}
	if i != len(packets) || len(said) != 3 {
		t.Fatalf("%d packets and %d descriptions", i, len(said))
	}
	for _, line := range []string{"m=audio 5004 RTP/AVP 96 8 97\r\ni=caller\r\nc=IN IP4 192.0.2.2\r\n", "i=callee\r\nc=IN IP4 192.0.2.1\r\n",
		"a=rtpmap:96 AMR/8000\r\na=fmtp:96 octet-align=1\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:97 opus/48000/2\r\n"} {
		if !strings.Contains(said[2], line) {
			t.Errorf("%q is not in %q", line, said[2])
		}
	}
}

func TestPCAPOfWhatIsCutOrDamaged(t *testing.T) {
	m := makeRecording(t, AES256GCM, split(mixed(50), 20), &End{})
	count := func(b []byte) (n int, res Result) {
		raw, res := m.pcap(t, b)
		for _, f := range frames(t, raw) {
			if f.to != captureHearers {
				n++
			}
		}
		return n, res
	}
	if n, res := count(m.bytes[:m.ends[3]+5]); res.Whole || res.Damaged || n != 60 {
		t.Errorf("cut: %d, %+v", n, res)
	}
	b := bytes.Clone(m.bytes)
	b[m.ends[2]+40] ^= 1
	if n, res := count(b); res.Whole || !res.Damaged || n != 40 {
		t.Errorf("damaged: %d, %+v", n, res)
	}
	if n, res := count(m.bytes[:m.ends[0]]); res.Whole || n != 0 {
		t.Errorf("nothing but a header: %d, %+v", n, res)
	}
}

// TestPCAPOfWhatGrows: of a call that goes on no more is written than was measured.
func TestPCAPOfWhatGrows(t *testing.T) {
	m := makeRecording(t, AES256GCM, split(mixed(50), 20), &End{})
	reads := []int{m.ends[2], m.ends[4]}
	var out bytes.Buffer
	var size int64
	res, err := MeasurePCAP(func() (*Reader, error) {
		b := m.bytes[:reads[0]]
		reads = reads[1:]
		return NewReader(bytes.NewReader(b), m.unwrap)
	}, func(_ Result, n int64) (io.Writer, error) { size = n; return &out, nil })
	if err != nil || size != int64(out.Len()) || res.Packets != [2]uint64{20, 20} {
		t.Errorf("%+v, %v; %d bytes, said to be %d", res, err, out.Len(), size)
	}
}

// TestPCAPNumbersEveryCodec: those that RFC 3551 numbers have its number, once; when the others have used up theirs they
// begin anew, and each packet follows a description in which its number is its codec's.
func TestPCAPNumbersEveryCodec(t *testing.T) {
	var packets []Packet
	codecs := []string{"PCMU", "GSM", "G723", "PCMA", "G722", "G728", "G729", "G729/8000 annexb=no"}
	for i := range 80 {
		codecs = append(codecs, fmt.Sprintf("opus/48000/2 maxaveragebitrate=%d", 6000+i))
	}
	for _, c := range slices.Concat(codecs, codecs[:1], codecs[40:50]) {
		packets = append(packets, Packet{Codec: c, Payload: []byte{1}})
	}
	m := makeRecording(t, AES256GCM, split(packets, 4), &End{})
	raw, _ := m.pcap(t, m.bytes)
	said, i := "", 0
	for _, f := range frames(t, raw) {
		if f.to == captureHearers {
			said = string(f.data)
			continue
		}
		number := strconv.Itoa(int(f.data[1]))
		rtpmap, fmtp, _ := strings.Cut(packets[i].Codec, " ")
		if !strings.Contains(rtpmap, "/") {
			rtpmap += "/8000"
		}
		want := "a=rtpmap:" + number + " " + rtpmap + "\r\n"
		if fmtp != "" {
			want += "a=fmtp:" + number + " " + fmtp + "\r\n"
		}
		if strings.Count(said, "a=rtpmap:"+number+" ") != 2 || strings.Count(said, want) != 2 {
			t.Fatalf("packet %d: want %q twice in %q", i, want, said)
		}
		if i < 7 && int(f.data[1]) != []int{0, 3, 4, 8, 9, 15, 18}[i] {
			t.Errorf("%s has %s", packets[i].Codec, number)
		}
		i++
	}
}

func TestPCAPRefused(t *testing.T) {
	m := makeRecording(t, AES256GCM, split(talk(10), 20), &End{})
	open := func() (*Reader, error) { return NewReader(bytes.NewReader(m.bytes), m.unwrap) }
	full := errors.New("full")
	if _, err := MeasurePCAP(open, func(Result, int64) (io.Writer, error) { return nil, full }); !errors.Is(err, full) {
		t.Error(err)
	}
	if _, err := MeasurePCAP(open, func(Result, int64) (io.Writer, error) { return failing{full}, nil }); !errors.Is(err, full) {
		t.Error(err)
	}
	long := capture{w: io.Discard, numbers: map[string]uint8{}}
	if err := long.packet(&Packet{Codec: "PCMA", Payload: make([]byte, 1<<16-1)}); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
	for text, want := range map[string]Format{"": WAV, "wav": WAV, "pcap": PCAP} {
		if f, err := ParseFormat(text); f != want || err != nil || text != "" && f.String() != text {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
	if _, err := ParseFormat("mp3"); !errors.Is(err, ErrExport) {
		t.Error(err)
	}
}

// TestPCAPIsReadByTshark: a program that is not ours finds two streams, every packet of them in order, and what their
// payload types stand for.
func TestPCAPIsReadByTshark(t *testing.T) {
	t.Parallel()
	m := makeRecording(t, AES256GCM, split(mixed(100), 20), &End{})
	raw, _ := m.pcap(t, m.bytes)
	file := filepath.Join(t.TempDir(), "call.pcap")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("tshark"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("tshark is not installed; testdata/setup/needs.sh installs it")
	}
	if odd, err := exec.Command("tshark", "-n", "-r", file, "-Y", "_ws.malformed or not (rtp or sdp)").Output(); err != nil || len(odd) > 0 {
		t.Errorf("tshark does not understand: %s, %v", odd, err)
	}
	out, err := exec.Command("tshark", "-n", "-q", "-r", file, "-z", "rtp,streams").Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{
		"192.0.2.1 5004 192.0.2.2 5004 0x00000001 AMR, opus 100 0 (0.0%)",
		"192.0.2.2 5004 192.0.2.1 5004 0x00000002 g711A 100 0 (0.0%)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in tshark's table:\n%s", want, out)
		}
	}
	if n := strings.Count(text, "0x0000"); n != 2 {
		t.Errorf("%d streams:\n%s", n, out)
	}
}
