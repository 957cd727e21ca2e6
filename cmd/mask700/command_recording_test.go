package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/config"
	"mask700/media"
	"mask700/media/record/archive"
	"mask700/store"
	"mask700/store/audit"
)

// tape makes a recording of a second in the store of the working directory.
func (d *desk) tape(id string) { d.tapeIn(id, "PCMA") }

func (d *desk) tapeIn(id, codec string) {
	d.t.Helper()
	cfg, db := config.Default(), d.db
	if db == nil {
		var err error
		if db, err = store.Open(store.Options{Dir: cfg.DataDir, KeyFile: cfg.Keys.File}); err != nil {
			d.t.Fatal(err)
		}
		defer db.Close()
	}
	a, err := archive.Open(archive.Options{Dir: cfg.RecordingDir(), Keys: db})
	if err != nil {
		d.t.Fatal(err)
	}
	r := a.Start(id, "tenant")
	for i := range 100 {
		r.Voice(media.Side(i%2), codec, uint16(i/2), uint32(160*(i/2)), time.Duration(i/2)*20*time.Millisecond, make([]byte, 160))
	}
	r.Stop()
	a.Close()
}

func TestRecordingsAndAudit(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.bind()
		if out := d.must("recording", "list"); !strings.Contains(out, "--record") {
			t.Errorf("an empty list does not say what to type: %s", out)
		}
		if out := d.must("audit", "list"); !strings.Contains(out, "nothing") {
			t.Errorf("an empty log: %s", out)
		}
		d.must("audit", "verify")
		d.tape("call-one")
		var info archive.Info
		d.mustJSON(&info, "recording", "list")
		if info.ID != "call-one" || info.State != archive.Whole || info.Packets != 100 {
			t.Errorf("%+v", info)
		}
		if out := d.must("recording", "list"); !strings.Contains(out, "call-one") || !strings.Contains(out, "whole") {
			t.Errorf("%s", out)
		}
		export := func(id, reason, file string) []string {
			return []string{"recording", "export", id, "--reason", reason, "-o", file}
		}
		d.refuse(1, "--reason is missing", "recording", "export", "call-one", "-o", "a.wav")
		d.refuse(1, "--output is missing", "recording", "export", "call-one", "--reason", "complaint 17")
		d.refuse(1, "--reason: ", export("call-one", "x", "a.wav")...)
		d.refuse(1, "name the case", export("call-one", "for "+numberA, "a.wav")...)
		d.refuse(1, "not the id", export(numberA, "complaint 17", "a.wav")...)
		d.refuse(1, "no recording", export("call-two", "complaint 17", "a.wav")...)
		if _, err := os.Stat("a.wav"); !os.IsNotExist(err) {
			t.Errorf("a file is left: %v", err)
		}
		if out := d.must(export("call-one", "complaint 17", "a.wav")...); !strings.Contains(out, "it is whole") {
			t.Errorf("%s", out)
		}
		wav, err := os.ReadFile("a.wav")
		if err != nil || len(wav) != 44+50*160*4 {
			t.Errorf("%d bytes, %v", len(wav), err)
		}
		d.refuse(1, "already", export("call-one", "complaint 18", "a.wav")...)
		var e audit.Entry
		d.mustJSON(&e, "audit", "list")
		if e.Seq != 1 || e.Who != "local uid 0" && !strings.HasPrefix(e.Who, "local uid ") || e.Object != "call-one" || e.Reason != "complaint 17" {
			t.Errorf("%+v", e)
		}
		head := fmt.Sprintf("%d:%s", e.Seq, e.Hash)
		if out := d.must("audit", "verify"); !strings.Contains(out, "1 of 1") || !strings.Contains(out, "the last is "+head) {
			t.Errorf("%s", out)
		}
		d.must("audit", "verify", "--head", head)
		d.refuse(1, "line 2 is known", "audit", "verify", "--head", "2"+head[1:])
		d.refuse(1, "another hash", "audit", "verify", "--head", "1:"+strings.Repeat("0", 64))
		for _, bad := range []string{"1", "x:" + e.Hash, "0:" + e.Hash, head + "0", "1:" + strings.Repeat("x", 64)} {
			d.refuse(1, "ha", "audit", "verify", "--head", bad)
		}
		log := config.Default().AuditLog()
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(log, []byte(strings.Replace(string(b), "17", "71", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		d.refuse(1, "line 1 is not as it was written", "audit", "verify")
		if a := d.run("audit", "verify", "-o", "json"); a.status != 1 {
			t.Errorf("%+v", a)
		} else {
			var r admin.AuditReport
			if err := json.Unmarshal([]byte(a.out), &r); err != nil || r.Fault == "" || r.Entries != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}

func TestRecordingsInOtherCodecs(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.bind()
		d.tapeIn("call-wide", "G722")
		d.tapeIn("call-opus", "opus")
		d.must("recording", "export", "call-wide", "--reason", "complaint 17", "-o", "wide.wav")
		wav, err := os.ReadFile("wide.wav")
		if err != nil || len(wav) != 44+50*320*4 {
			t.Errorf("%d bytes, %v", len(wav), err)
		}
		d.refuse(1, `"opus"; export it as a packet capture, -o FILE.pcap`, "recording", "export", "call-opus", "--reason", "complaint 17", "-o", "opus.wav")
		if _, err := os.Stat("opus.wav"); !os.IsNotExist(err) {
			t.Errorf("a file is left: %v", err)
		}
		out := d.must("recording", "export", "call-opus", "--reason", "complaint 18", "-o", "opus.PCAP")
		capture, err := os.ReadFile("opus.PCAP")
		if err != nil || !strings.HasPrefix(string(capture), "\xd4\xc3\xb2\xa1") || strings.Count(string(capture), "\x80\x60") < 100 ||
			!strings.Contains(out, "it is whole") {
			t.Errorf("%d bytes, %v: %s", len(capture), err, out)
		}
		if out := d.must("audit", "list"); !strings.Contains(out, "complaint 18") {
			t.Errorf("%s", out)
		}
	})
}

func TestBindingThatIsRecorded(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		if v.Record {
			t.Error("recorded without being asked")
		}
		d.must("binding", "delete", v.ID)
		out := d.must("binding", "create", "--a", numberA, "--b", numberB, "--x", x, "--order", "ORDER-2", "--record")
		if !strings.Contains(out, "recorded       yes") {
			t.Errorf("%s", out)
		}
	})
}
