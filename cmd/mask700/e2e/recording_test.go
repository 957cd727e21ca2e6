package e2e

import (
	le "encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
	"mask700/cmd/mask700/e2e/tonecheck"
	"mask700/media/record/archive"
	"mask700/store/audit"
)

// TestRecordedCall: two people who are told that they are recorded, each saying a tone of its own. The exported file
// has the caller's on the left and the callee's on the right, and nothing on disk is in clear.
func TestRecordedCall(t *testing.T) {
	need(t, "baresip", "kamailio", "dumpcap", "tshark", "ip")
	t.Parallel()
	withClients(t, "", func(c *clients) {
		a, b := c.users("baresip", "baresip")
		c.bind(a.number, b.number, c.x, "--record")
		c.start(a, b)
		c.must(a.Dial(c.ctx, c.x))
		_, err := b.Rings(c.ctx)
		c.must(err)
		c.must(b.Answer(c.ctx))
		c.must(a.Talks(c.ctx))
		c.must(b.Talks(c.ctx))
		id := c.only("call", "list")
		c.must(rig.Poll(c.ctx, "the recording to begin", func() (bool, error) { return len(c.recordings()) == 1, nil }))
		if r := c.recordings()[0]; r.ID != id || r.State != archive.Live {
			t.Errorf("while they talk: %+v", r)
		}
		for _, u := range []*user{a, b} { // an announcement of some seconds, before the other is heard
			if h := c.hearing(u); h.Noise < 10 {
				t.Errorf("the %s was not told that it is recorded: %s", u.role, h)
			}
		}
		c.hear(25, a, b)
		c.must(a.HangUp(c.ctx))
		for _, u := range []*user{a, b} {
			_, err := u.Closed(c.ctx)
			c.must(err)
		}
		c.must(rig.Poll(c.ctx, "the recording to be whole", func() (bool, error) {
			return c.recordings()[0].State == archive.Whole, nil
		}))
		c.exported(c.recordings()[0], id)
		c.shut(a.number, b.number)
	})
}

// recordings is what `recording list` prints.
func (c *clients) recordings() (all []archive.Info) {
	c.t.Helper()
	for d := json.NewDecoder(strings.NewReader(c.run("recording", "list", "-o", "json"))); d.More(); {
		var i archive.Info
		c.must(d.Decode(&i))
		all = append(all, i)
	}
	return all
}

// exported takes the recording out, and looks at what that leaves.
func (c *clients) exported(r archive.Info, id string) {
	t := c.t
	t.Helper()
	records := c.records()
	if len(records) != 1 || records[0].ID != id || records[0].Media.Recording.ID != id || records[0].Media.Recording.Bytes != uint64(r.Bytes) {
		t.Errorf("the call's record: %+v; the recording: %+v", records, r)
	}
	// Where the same phones are not recorded, the kernel relays them.
	if m := records[0].Media; m.Path != cdr.PathUser || m.AtoB.Path != cdr.PathUser || m.BtoA.Path != cdr.PathUser {
		t.Errorf("a recorded call went by %q, %q and %q", m.Path, m.AtoB.Path, m.BtoA.Path)
	}
	file := filepath.Join(c.dir, "call.wav")
	for _, args := range [][]string{
		{"recording", "export", id, "-o", file},
		{"recording", "export", id, "-o", file, "--reason", " "},
		{"recording", "export", id, "-o", file, "--reason", "asked by " + c.caller.number},
		{"recording", "export", "nothing-of-this-id", "-o", file, "--reason", "complaint 17"},
	} {
		if out, err := c.gateway.Run(c.ctx, args...); err == nil {
			t.Errorf("exported by %q: %s", args, out)
		}
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Fatalf("%q left a file: %v", args, err)
		}
	}
	if out := c.run("audit", "list", "-o", "json"); out != "" {
		t.Errorf("nothing was taken out, and the audit log has %s", out)
	}
	c.run("recording", "export", id, "-o", file, "--reason", "complaint 17")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	left, right := c.stereo(file)
	for _, side := range []struct {
		name        string
		samples     []int16
		says, other float64
	}{{"left", left, callerTone, calleeTone}, {"right", right, calleeTone, callerTone}} {
		if h := tonecheck.Listen(side.samples, side.says, side.other); h.Theirs < 20 || h.Own > 0 || h.Noise > 3 {
			t.Errorf("%s: %s", side.name, h)
		}
	}
	var e audit.Entry
	c.must(json.Unmarshal([]byte(c.run("audit", "list", "-o", "json")), &e))
	if e.Seq != 1 || e.Who != "local uid 0" || e.What != "recording.export" || e.Object != id || e.Reason != "complaint 17" {
		t.Errorf("the audit log: %+v", e)
	}
	c.run("audit", "verify")
}

// stereo reads a sound file of two channels.
func (c *clients) stereo(file string) (left, right []int16) {
	c.t.Helper()
	b, err := os.ReadFile(file)
	c.must(err)
	const header = 44
	if len(b) < header || string(b[:4]) != "RIFF" || le.LittleEndian.Uint16(b[22:]) != 2 {
		c.t.Fatalf("not a sound file of two channels: %d bytes", len(b))
	}
	for b = b[header:]; len(b) >= 4; b = b[4:] {
		left = append(left, int16(le.LittleEndian.Uint16(b)))
		right = append(right, int16(le.LittleEndian.Uint16(b[2:])))
	}
	return left, right
}
