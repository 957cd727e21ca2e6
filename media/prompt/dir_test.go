package prompt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mask700/media/prompt"
	"mask700/media/tone"
)

// wav writes a WAV file; extra stands between its two chunks.
func wav(format, channels, rate, bits int, extra, data []byte) []byte {
	var b bytes.Buffer
	put := func(v ...any) {
		for _, x := range v {
			_ = binary.Write(&b, binary.LittleEndian, x) // a bytes.Buffer takes everything
		}
	}
	put([]byte("RIFF"), uint32(0), []byte("WAVE"))
	if format == 0xfffe {
		put([]byte("fmt "), uint32(40), uint16(format), uint16(channels), uint32(rate), uint32(0), uint16(0), uint16(bits))
		put(uint16(22), uint16(bits), uint32(4), uint16(1), make([]byte, 14))
	} else {
		put([]byte("fmt "), uint32(16), uint16(format), uint16(channels), uint32(rate), uint32(0), uint16(0), uint16(bits))
	}
	put(extra, []byte("data"), uint32(len(data)), data)
	return b.Bytes()
}

// own writes one file of the operator's and gives the directory.
func own(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// samples are 250 of linear audio, and their codes.
func samples() (pcm, a, mu []byte) {
	for i := range 250 {
		s := int16(i*131 - 16000)
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(s))
		a, mu = append(a, tone.ALaw.Encode(s)), append(mu, tone.MuLaw.Encode(s))
	}
	return pcm, a, mu
}

func TestOwnFilesReplaceOurs(t *testing.T) {
	pcm, a, mu := samples()
	quietA, quietMu := bytes.Repeat([]byte{0xd5}, 70), bytes.Repeat([]byte{0xff}, 70)
	note := append([]byte("note\x05\x00\x00\x00hello"), 0) // an odd chunk and its padding
	unsized := wav(1, 1, 8000, 16, nil, pcm)
	binary.LittleEndian.PutUint32(unsized[len(unsized)-len(pcm)-4:], 0xffffffff)
	for name, f := range map[string][]byte{
		"zh/call-limit.wav": wav(1, 1, 8000, 16, nil, pcm), "zh/not-in-service.wav": wav(0xfffe, 1, 8000, 16, note, pcm),
		"zh/last-minute.wav": unsized,
		"zh/call-limit.al":   a, "zh/order-finished.wav": wav(6, 1, 8000, 8, nil, a),
	} {
		c := load(t, prompt.Options{Dir: own(t, map[string][]byte{name: f, "zh/.note": nil})})
		id := prompt.ID(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)))
		if got := payload(c.Clip(id, "PCMA")); !bytes.Equal(got, append(bytes.Clone(a), quietA...)) {
			t.Errorf("%s: PCMA has other bytes", name)
		}
		if filepath.Ext(name) == ".wav" && !strings.Contains(name, "order") {
			if got := payload(c.Clip(id, "PCMU")); !bytes.Equal(got, append(bytes.Clone(mu), quietMu...)) {
				t.Errorf("%s: PCMU has other bytes", name)
			}
		}
		if c.Clip(id, "G722") != nil {
			t.Errorf("%s: what was replaced is still there in G.722", name)
		}
		if c.Clip(prompt.RecordingNotice, "G722") == nil {
			t.Errorf("%s: what was not replaced is gone", name)
		}
	}
	c := load(t, prompt.Options{Dir: own(t, map[string][]byte{
		"en/call-limit.ul": mu, "en/call-limit.g722": bytes.Repeat([]byte{7}, 325), "tone/busy.wav": wav(7, 1, 8000, 8, nil, mu),
	}), Language: "en"})
	for _, id := range []prompt.ID{prompt.CallLimit, prompt.Busy} {
		if got := payload(c.Clip(id, "PCMU")); !bytes.Equal(got, append(bytes.Clone(mu), quietMu...)) {
			t.Errorf("%s: PCMU has other bytes", id)
		}
	}
	if got := payload(c.Clip(prompt.CallLimit, "G722")); !bytes.Equal(got, bytes.Repeat([]byte{7}, 320)) {
		t.Errorf("G.722 of %d bytes", len(got))
	}
}

// Of two languages, one without G.722 leaves nothing that says only half.
func TestHalfAnAnnouncementIsNone(t *testing.T) {
	_, a, _ := samples()
	c := load(t, prompt.Options{Dir: own(t, map[string][]byte{"en/call-limit.al": a}), Language: "zh+en"})
	if c.Clip(prompt.CallLimit, "G722") != nil || c.Clip(prompt.CallLimit, "PCMA") == nil {
		t.Error("half an announcement")
	}
}

func TestBadFilesAreNamed(t *testing.T) {
	pcm, a, _ := samples()
	minute := bytes.Repeat([]byte{0xd5}, 60*8000)
	for _, tt := range []struct {
		file string
		b    []byte
		why  string
	}{
		{"zh/busy.wav", wav(1, 1, 8000, 16, nil, pcm), "no such prompt; known here: not-in-service"},
		{"tone/call-limit.wav", wav(1, 1, 8000, 16, nil, pcm), "no such prompt; known here: ringback"},
		{"zh/call-limit.mp3", a, ".wav, .al, .ul or .g722"},
		{"zh/call-limit.wav", nil, "not a WAV file"},
		{"zh/call-limit.wav", a, "not a WAV file"},
		{"zh/call-limit.wav", wav(1, 2, 8000, 16, nil, pcm), "one channel"},
		{"zh/call-limit.wav", wav(1, 1, 16000, 16, nil, pcm), "8000 samples"},
		{"zh/call-limit.wav", wav(1, 1, 8000, 8, nil, pcm), "16 bit PCM"},
		{"zh/call-limit.wav", wav(3, 1, 8000, 32, nil, pcm), "16 bit PCM"},
		{"zh/call-limit.wav", wav(1, 1, 8000, 16, nil, pcm)[:36], "without a data chunk"},
		{"zh/call-limit.wav", wav(1, 1, 8000, 16, nil, pcm)[:30], "not a WAV file"},
		{"zh/call-limit.wav", append([]byte("RIFF\x00\x00\x00\x00WAVE"), "data\x02\x00\x00\x00\x00\x00"...), "not a WAV file"},
		{"zh/call-limit.wav", wav(1, 1, 8000, 16, nil, nil), "no audio"},
		{"zh/call-limit.al", nil, "no audio"},
		{"zh/call-limit.g722", a[:159], "no audio"},
		{"zh/call-limit.al", append(minute, 0), "longer than 60 s"},
		{"zh/call-limit.ul", make([]byte, 1<<20+1), "larger than 1 MiB"},
	} {
		dir := own(t, map[string][]byte{tt.file: tt.b})
		// In a language that is not played too.
		_, err := prompt.Load(prompt.Options{Dir: dir, Language: "en"})
		var bad *prompt.FileError
		if !errors.As(err, &bad) || bad.File != filepath.Join(dir, tt.file) || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s, %d bytes: %v, want %q", tt.file, len(tt.b), err, tt.why)
		}
	}
	if _, err := prompt.Load(prompt.Options{Dir: own(t, map[string][]byte{"zh/call-limit.al": minute})}); err != nil {
		t.Errorf("a whole minute: %v", err)
	}
}

func TestBadDirectories(t *testing.T) {
	_, a, mu := samples()
	twice := own(t, map[string][]byte{"zh/call-limit.al": a, "zh/call-limit.ul": mu})
	file := own(t, map[string][]byte{"zh": a})
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "zh", "call-limit.al"), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir, why := range map[string]string{
		twice: "keep one", file: "directory cannot be read", folder: "not a plain file", filepath.Join(folder, "none"): "directory cannot be read",
	} {
		var bad *prompt.FileError
		if _, err := prompt.Load(prompt.Options{Dir: dir}); !errors.As(err, &bad) || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
}
