package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packet is an RTP packet with 160 bytes of payload, and room to be sealed.
func packet(ssrc uint32, seq uint16) []byte {
	b := make([]byte, 172, 172+Overhead)
	b[0], b[1] = 0x80, 8
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], uint32(seq)*160)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	for i := range b[12:] {
		b[12+i] = byte(i)
	}
	return b
}

func pair(t testing.TB, suite Suite) (seal, open *Direction) {
	t.Helper()
	k := NewSecret([32]byte{7}).Key(suite, Key{})
	seal, err := NewDirection(k)
	if err != nil {
		t.Fatal(err)
	}
	if open, err = NewDirection(k); err != nil {
		t.Fatal(err)
	}
	return seal, open
}

// The master key and salt of RFC 3711 appendix B.3 give the session keys that it
// lists; a packet sealed under the former is the one that is made by hand from
// the latter, by AES in counter mode (section 4.1.1) and HMAC-SHA1 (section 4.2).
func TestVectorOfRFC3711(t *testing.T) {
	master := append(unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"), unhex(t, "0EC675AD498AFEEBB6960B3AABE6")...)
	sessionKey := unhex(t, "C61E7A93744F39EE10734AFE3FF7A087")
	sessionSalt := unhex(t, "30CBBC08863D8C85D49DB34A9AE1")
	authKey := unhex(t, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")

	d, err := NewDirection(newKey(AES128CMSHA180, master))
	if err != nil {
		t.Fatal(err)
	}
	const ssrc, seq = 0xCAFEBABE, 0x1234
	want := packet(ssrc, seq)
	got, err := d.Seal(packet(ssrc, seq))
	if err != nil {
		t.Fatal(err)
	}

	var iv [16]byte // (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16)
	copy(iv[:], sessionSalt)
	for i, x := range binary.BigEndian.AppendUint32(nil, ssrc) {
		iv[4+i] ^= x
	}
	iv[12] ^= seq >> 8
	iv[13] ^= seq & 0xff
	block, err := aes.NewCipher(sessionKey)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCTR(block, iv[:]).XORKeyStream(want[12:], want[12:])
	mac := hmac.New(sha1.New, authKey)
	mac.Write(want)
	mac.Write(make([]byte, 4)) // ROC
	want = append(want, mac.Sum(nil)[:10]...)
	if !bytes.Equal(got, want) {
		t.Errorf("sealed\n%x\nwant\n%x", got, want)
	}
}

func TestOpenGivesWhatWasSealed(t *testing.T) {
	for _, suite := range Suites {
		seal, open := pair(t, suite)
		sealed, err := seal.Seal(packet(1, 100))
		if err != nil {
			t.Fatal(err)
		}
		if plain := packet(1, 100); len(sealed) > len(plain)+Overhead || bytes.Contains(sealed, plain[12:28]) {
			t.Errorf("%v: %d bytes, or the payload is in them", suite, len(sealed))
		}
		again := bytes.Clone(sealed)
		got, err := open.Open(sealed)
		if err != nil || !bytes.Equal(got, packet(1, 100)) {
			t.Errorf("%v: %v, %x", suite, err, got)
		}
		if &got[0] != &sealed[0] {
			t.Errorf("%v: not in place", suite)
		}
		if _, err := open.Open(again); !errors.Is(err, ErrForged) {
			t.Errorf("%v: a repetition: %v", suite, err)
		}
	}
}

// Contributing sources and a header extension stay in the clear (RFC 3711 section
// 3.1), and the packet is opened all the same.
func TestLongHeaders(t *testing.T) {
	for _, suite := range Suites {
		seal, open := pair(t, suite)
		for name, header := range map[string][]byte{
			"a contributing source":          {0x81, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9},
			"an audio level":                 {0x90, 8, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 0x7f, 0, 0},
			"an extension of two bytes each": {0x90, 8, 0, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0x10, 0, 0, 1, 1, 1, 5, 0},
			"one of an unknown kind":         {0x90, 8, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 0x12, 0x34, 0, 1, 1, 2, 3, 4},
		} {
			b := append(bytes.Clone(header), bytes.Repeat([]byte{0x55}, 160)...)
			want := bytes.Clone(b)
			sealed, err := seal.Seal(append(make([]byte, 0, 256), b...))
			if err != nil {
				t.Fatalf("%v, %s: %v", suite, name, err)
			}
			if !bytes.Equal(sealed[:len(header)], header) {
				t.Errorf("%v, %s: the header is not in the clear", suite, name)
			}
			if got, err := open.Open(sealed); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v, %s: %v, %x", suite, name, err, got)
			}
		}
	}
}

func TestReportsAreProtected(t *testing.T) {
	report := func() []byte {
		b := make([]byte, 28, 28+Overhead)
		copy(b, []byte{0x80, 200, 0, 6, 0, 0, 0, 9})
		return b
	}
	for _, suite := range Suites {
		seal, open := pair(t, suite)
		for range 3 {
			sealed, err := seal.SealReport(report())
			if err != nil || len(sealed) > len(report())+Overhead {
				t.Fatalf("%v: %d bytes, %v", suite, len(sealed), err)
			}
			again, changed := bytes.Clone(sealed), bytes.Clone(sealed)
			changed[12] ^= 1
			if _, err := open.OpenReport(changed); !errors.Is(err, ErrForged) {
				t.Errorf("%v: a changed report: %v", suite, err)
			}
			got, err := open.OpenReport(sealed)
			if err != nil || !bytes.Equal(got, report()) {
				t.Errorf("%v: %v, %x", suite, err, got)
			}
			if _, err := open.OpenReport(again); !errors.Is(err, ErrForged) {
				t.Errorf("%v: a repetition: %v", suite, err)
			}
		}
	}
}

// Nothing that was not made with the key comes through, whichever byte of it was
// changed, and it leaves no trace: what follows is opened all the same.
func TestForgedPacketsChangeNothing(t *testing.T) {
	for _, suite := range Suites {
		seal, open := pair(t, suite)
		stranger, err := NewDirection(NewSecret([32]byte{8}).Key(suite, Key{}))
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := seal.Seal(packet(1, 100))
		if err != nil {
			t.Fatal(err)
		}
		for i := range sealed {
			b := bytes.Clone(sealed)
			b[i] ^= 0x20
			if _, err := open.Open(b); !errors.Is(err, ErrForged) {
				t.Fatalf("%v: changed at byte %d: %v", suite, i, err)
			}
		}
		for n := range len(sealed) {
			if _, err := open.Open(bytes.Clone(sealed[:n])); !errors.Is(err, ErrForged) {
				t.Fatalf("%v: cut to %d bytes: %v", suite, n, err)
			}
		}
		forged, err := stranger.Seal(packet(1, 60000))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open.Open(forged); !errors.Is(err, ErrForged) {
			t.Errorf("%v: another key: %v", suite, err)
		}
		if _, known := open.context.ROC(1); known || open.sources != 0 {
			t.Errorf("%v: a forged packet is remembered", suite)
		}
		if _, err := open.Open(sealed); err != nil {
			t.Errorf("%v: the true one after them: %v", suite, err)
		}
	}
}

// The rollover counter goes on over every wrap, through loss and disorder.
func TestRolloverIsCounted(t *testing.T) {
	for _, suite := range Suites {
		seal, open := pair(t, suite)
		seq := uint16(1000)
		for i := range 300000 {
			b := packet(1, seq)[:12]
			if i%256 == 0 || seq < 3 || seq > 65533 {
				sealed, err := seal.Seal(packet(1, seq))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := open.Open(sealed); err != nil || !bytes.Equal(got, packet(1, seq)) {
					t.Fatalf("%v: packet %d: %v", suite, i, err)
				}
			} else if _, err := seal.Seal(append(make([]byte, 0, 12+Overhead), b...)); err != nil { // lost on its way
				t.Fatal(err)
			}
			seq++
		}
		if roc, _ := open.context.ROC(1); roc != 4 {
			t.Errorf("%v: rolled over %d times", suite, roc)
		}
	}
}

// Whoever comes in the middle of a stream finds its rollover counter, and does not
// look for ever in what is forged.
func TestRolloverIsFound(t *testing.T) {
	for _, suite := range Suites {
		seal, open := pair(t, suite)
		last := packet(1, 0)
		for i := range 4*65536 + 100 { // nobody listens
			sealed, err := seal.Seal(packet(1, uint16(i))[: 12 : 12+Overhead])
			if err != nil {
				t.Fatal(err)
			}
			last = sealed
		}
		for range maxHunts - 1 {
			forged := bytes.Clone(last)
			forged[len(forged)-1] ^= 1
			if _, err := open.Open(forged); !errors.Is(err, ErrForged) {
				t.Fatalf("%v: %v", suite, err)
			}
		}
		for seq := range uint16(3) {
			sealed, err := seal.Seal(packet(1, 100+seq))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := open.Open(sealed); err != nil || !bytes.Equal(got, packet(1, 100+seq)) {
				t.Fatalf("%v: packet %d: %v", suite, seq, err)
			}
		}
		_, open = pair(t, suite)
		for range maxHunts {
			if _, err := open.Open(packet(1, 1)); !errors.Is(err, ErrForged) {
				t.Fatal(err)
			}
		}
		sealed, err := seal.Seal(packet(1, 103))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open.Open(sealed); !errors.Is(err, ErrForged) {
			t.Errorf("%v: it looks for ever: %v", suite, err)
		}
		if _, known := open.context.ROC(1); known {
			t.Errorf("%v: what was forged is remembered", suite)
		}
	}
}

// A peer that has the key and takes ever new sources does not fill the memory. Those that
// it had are heard on, and nothing of them once more.
func TestSourcesAreBounded(t *testing.T) {
	for _, suite := range Suites {
		seal, open := pair(t, suite)
		var old []byte
		for ssrc := range uint32(maxSources + 100) {
			sealed, err := seal.Seal(packet(ssrc, 1))
			if err != nil {
				t.Fatal(err)
			}
			if ssrc == 0 {
				old = bytes.Clone(sealed)
			}
			if _, err := open.Open(sealed); (err == nil) != (ssrc < maxSources) || open.sources > maxSources {
				t.Fatalf("%v: source %d of %d: %v", suite, ssrc, open.sources, err)
			}
		}
		if _, err := open.Open(bytes.Clone(old)); !errors.Is(err, ErrForged) {
			t.Errorf("%v: a packet of the first is heard twice: %v", suite, err)
		}
		for _, ssrc := range []uint32{0, maxSources - 1} {
			sealed, err := seal.Seal(packet(ssrc, 2))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := open.Open(sealed); err != nil {
				t.Errorf("%v: source %d is not heard any more: %v", suite, ssrc, err)
			}
		}
	}
}

// Nobody without the key makes it forget anything, however many sources there were, nor
// has a stream that is met in its middle stay unheard.
func TestForgedPacketsForgetNothing(t *testing.T) {
	for _, suite := range Suites {
		seal, open := pair(t, suite)
		say := func(ssrc uint32, seq uint16) []byte {
			t.Helper()
			sealed, err := seal.Seal(packet(ssrc, seq))
			if err != nil {
				t.Fatal(err)
			}
			return sealed
		}
		forged := func(ssrc uint32) {
			t.Helper()
			b := append(packet(ssrc, 1), make([]byte, 20)...)
			if _, err := open.Open(b); !errors.Is(err, ErrForged) {
				t.Fatalf("%v: %v", suite, err)
			}
		}
		for ssrc := range uint32(maxSources) {
			if _, err := open.Open(say(ssrc, 65000)); err != nil {
				t.Fatal(err)
			}
		}
		old := say(7, 100)
		if _, err := open.Open(bytes.Clone(old)); err != nil { // rolls over
			t.Fatal(err)
		}
		forged(100000)
		if _, err := open.Open(old); !errors.Is(err, ErrForged) {
			t.Errorf("%v: a packet is heard twice: %v", suite, err)
		}
		if _, err := open.Open(say(7, 101)); err != nil {
			t.Errorf("%v: the next packet is not heard: %v", suite, err)
		}

		seal, open = pair(t, suite)
		seq := uint16(0)
		for range 50 { // two wraps, which nobody listens to
			say(7, seq)
			seq += 4000
		}
		seq -= 4000
		for ssrc := range uint32(10 * maxHunts) {
			forged(ssrc)
		}
		heard := 0
		for range someHunts {
			seq++
			if _, err := open.Open(say(7, seq)); err == nil {
				heard++
			}
		}
		if heard == 0 {
			t.Errorf("%v: a stream stays unheard", suite)
		}
	}
}

func TestNoKeyNoDirection(t *testing.T) {
	if _, err := NewDirection(Key{}); err == nil {
		t.Error("made without a key")
	}
}

func BenchmarkSealAndOpen(b *testing.B) {
	for _, suite := range Suites {
		b.Run(suite.String(), func(b *testing.B) {
			seal, open := pair(b, suite)
			buf := make([]byte, 172+Overhead)
			template := packet(1, 0)
			b.ReportAllocs()
			for i := range b.N {
				n := copy(buf, template)
				binary.BigEndian.PutUint16(buf[2:], uint16(i))
				sealed, err := seal.Seal(buf[:n])
				if err != nil {
					b.Fatal(err)
				}
				if _, err := open.Open(sealed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzOpen: nothing that a stranger may send is opened, and nothing stops the
// thread that all calls share.
func FuzzOpen(f *testing.F) {
	seal, _ := pair(f, AES128CMSHA180)
	good, err := seal.Seal(packet(1, 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0x9f, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff})
	f.Add(append([]byte{0xb1, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 24)...))
	f.Add(append([]byte{0x81, 200, 0, 1, 0, 0, 0, 0}, make([]byte, 20)...))
	stranger := make([]*Direction, len(Suites))
	for i, suite := range Suites {
		if stranger[i], err = NewDirection(NewSecret([32]byte{99}).Key(suite, Key{})); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, d := range stranger {
			if _, err := d.Open(bytes.Clone(b)); !errors.Is(err, ErrForged) {
				t.Errorf("%v: %v", d.Key().Suite(), err)
			}
			if _, err := d.OpenReport(bytes.Clone(b)); !errors.Is(err, ErrForged) {
				t.Errorf("%v: %v", d.Key().Suite(), err)
			}
		}
	})
}
