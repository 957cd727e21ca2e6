package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"mask700/cmd/bench/media/trial"
	"mask700/media/mediatest"
)

// TestMain lets this program be the relay that a test starts, as main does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == relayCommand {
		if err := serve(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "relay:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// anywhere binds nothing to a processor: other tests run beside this one.
var anywhere = layout{relay: -1, rig: -1}

// newBench is a bench whose relays say what they say into the test's log.
func newBench(t *testing.T) *bench {
	t.Helper()
	notes, err := os.Create(t.TempDir() + "/relays.log")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		text, err := os.ReadFile(notes.Name())
		if len(text) > 0 || err != nil {
			t.Logf("the relays said: %s, %v", text, err)
		}
		notes.Close()
	})
	return &bench{options: options{tick: time.Millisecond}, where: anywhere, notes: notes}
}

func newTestLane(t *testing.T, b *bench, name string, calls int) *lane {
	t.Helper()
	l, err := b.lane(context.Background(), name, calls)
	if errors.Is(err, mediatest.ErrNoNamespace) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// finish waits until everything sent has come, or never will.
func finish(t *testing.T, l *lane) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); l.tally.Received < l.tally.Sent && time.Now().Before(until); {
		if err := l.traffic.Drain(5 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRelayCarriesEveryPacket(t *testing.T) {
	names := []string{nameControl, nameUser, nameKernel}
	for _, way := range trial.Ways {
		names = append(names, trialName+way)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const calls = 8
			l := newTestLane(t, newBench(t), name, calls)
			l.tally = mediatest.Tally{From: 0, Until: time.Now().Add(time.Hour).UnixNano()}
			if err := l.run(context.Background(), 300*time.Millisecond); err != nil {
				t.Fatal(err)
			}
			finish(t, l)
			lost, err := l.losses()
			if err != nil {
				t.Fatal(err)
			}
			tally := &l.tally
			if tally.Sent < calls || tally.Received != tally.Sent || tally.Wrong() != 0 {
				t.Errorf("%s; lost: %s", tally, lost)
			}
			if name != nameControl && (tally.SameSSRC != 0 || tally.SameTimestamp != 0) {
				t.Errorf("%d packets kept their SSRC, %d their timestamp", tally.SameSSRC, tally.SameTimestamp)
			}
		})
	}
}

func TestSampleIsComplete(t *testing.T) {
	l := newTestLane(t, newBench(t), nameUser, 2)
	var s sample
	for try := 0; try < 10 && (s.Passed == 0 || s.RelayKernel == 0); try++ { // a machine that stands still for a window has relayed nothing in it
		var err error
		if s, err = l.measure(context.Background(), 200*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if s.Sent == 0 || s.Passed == 0 || s.RelayTime <= 0 || s.RelayKernel <= 0 || s.RigTime <= 0 || s.P50 <= 0 || s.Max < s.P99/2 || s.Rate != 200 {
		t.Errorf("%+v", s)
	}
	if s.relaying() <= 0 || s.busy() <= 0 || !strings.HasPrefix(s.kept(), "new/") {
		t.Errorf("%v us, %v busy, identifiers %s", s.relaying(), s.busy(), s.kept())
	}
}

func TestBencode(t *testing.T) {
	v := map[string]any{"command": "offer", "direction": []string{"left", "right"}, "n": -3, "sub": map[string]any{"x": ""}}
	b, err := encode(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	if want := "d7:command5:offer9:directionl4:left5:righte1:ni-3e3:subd1:x0:ee"; string(b) != want {
		t.Errorf("%s, want %s", b, want)
	}
	got, err := decode(b)
	want := map[string]any{"command": "offer", "direction": []any{"left", "right"}, "n": -3, "sub": map[string]any{"x": ""}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := encode(nil, 1.5); err == nil {
		t.Error("a fraction was written")
	}
	for _, bad := range []string{"", "d", "l", "i", "i1", "ixe", "5:abc", "-1:a", "di1ei2ee", "d1:ae", "le1", ":", "1", strings.Repeat("l", 100)} {
		if v, err := decode([]byte(bad)); err == nil {
			t.Errorf("%q is %v", bad, v)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("d7:command5:offer9:directionl4:left5:righte1:ni-3ee"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = decode(b) }) // it must end and not panic
}

func TestDescribed(t *testing.T) {
	at := netip.MustParseAddrPort("10.73.0.1:4000")
	if got, err := described(description(at)); err != nil || got != at {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []string{"", "m=audio 4000 RTP/AVP 8\r\n", "c=IN IP4 10.0.0.1\r\n", "c=IN IP4 x\r\nm=audio 1 RTP/AVP 8\r\n",
		"c=IN IP4 10.0.0.1\r\nm=audio 0 RTP/AVP 8\r\n", "c=IN IP4 10.0.0.1\r\nm=audio 70000 RTP/AVP 8\r\n"} {
		if at, err := described(bad); err == nil {
			t.Errorf("%q has audio at %s", bad, at)
		}
	}
}

func TestUDPDrops(t *testing.T) {
	text := "Ip: Forwarding DefaultTTL\nIp: 1 64\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 9 2 3 4 5 6\n"
	if full, none, err := udpDrops(text); full != 5 || none != 2 || err != nil {
		t.Errorf("%d full, %d none, %v", full, none, err)
	}
	if _, _, err := udpDrops("Ip: 1\n"); err == nil {
		t.Error("no error without UDP")
	}
}

func TestMachineTime(t *testing.T) {
	busy, stolen, err := machineTime("cpu  1 2 3 400 50 6 7 8 0 0\ncpu0 0 0 0 0\n")
	if busy != 190*time.Millisecond || stolen != 80*time.Millisecond || err != nil {
		t.Errorf("%s, %s, %v", busy, stolen, err)
	}
	for _, bad := range []string{"", "cpu 1 2", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 x"} {
		if _, _, err := machineTime(bad); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestSpread(t *testing.T) {
	if s := spreadOf([]float64{3, 1, 2}); s != (spread{1, 2, 3}) {
		t.Error(s)
	}
	if s := spreadOf([]float64{4, 1, 2, 3}); s != (spread{1, 2.5, 4}) {
		t.Error(s)
	}
	if s := spreadOf(nil); s != (spread{}) {
		t.Error(s)
	}
}

func TestRatiosArePaired(t *testing.T) {
	sampleOf := func(name string, run int, relay, rig time.Duration) sample {
		return sample{Relay: name, Run: run, Passed: 1000, Took: time.Second, RelayTime: relay * time.Millisecond, RigTime: rig * time.Millisecond}
	}
	// Between the runs everything took twice as long: the ratio is the same.
	b := &bench{options: options{rtpengine: true, path: pathUser}, raw: []sample{
		sampleOf(nameControl, 1, 0, 2), sampleOf(nameRTPengine, 1, 10, 3), sampleOf(nameUser, 1, 5, 2),
		sampleOf(nameUser, 2, 10, 4), sampleOf(nameRTPengine, 2, 20, 6), sampleOf(nameControl, 2, 0, 4),
	}}
	var out strings.Builder
	b.ratios(&out)
	if !strings.Contains(out.String(), "relaying 0.50 / 0.50 / 0.50") || !strings.Contains(out.String(), "whole machine 0.45 / 0.45 / 0.45") {
		t.Error(out.String())
	}
	b.table(&out)
	if !strings.Contains(out.String(), "5.00 / 7.50 / 10.00") {
		t.Error(out.String())
	}
}

func TestSummit(t *testing.T) {
	step := func(rate int, lost uint64, busy float64) sample {
		return sample{Rate: rate, Lost: lost, Took: time.Second, RelayTime: time.Duration(busy * float64(time.Second))}
	}
	p := summit([]sample{step(100, 0, 0.5), step(200, 0, 0.8), step(300, 0, 1), step(400, 1, 1), step(500, 0, 1)})
	if p.lossless != 300 || p.full < 249.9 || p.full > 250.1 {
		t.Errorf("%+v", p)
	}
	if p := summit([]sample{step(100, 0, 0.5)}); p.full != 0 || p.lossless != 100 {
		t.Errorf("%+v", p)
	}
}

func TestFlags(t *testing.T) {
	for _, bad := range []string{"-calls 0", "-calls 100000", "-path x", "-relay-cpu 1 -rig-cpu 1", "-rig-cpu 4096", "-runs 0", "-window 1ms", "extra"} {
		if _, err := parse(strings.Fields(bad)); err == nil {
			t.Errorf("no error for %s", bad)
		}
	}
}
