package main

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"mask700/cmd/mask700/e2e/rig"
)

func TestProbeMeasuresEachCall(t *testing.T) {
	hosts := rig.NewHosts()
	var at [2]netip.AddrPort
	for i, host := range []netip.Addr{hosts.Caller, hosts.Callee} {
		port, err := rig.FreePort(host)
		if err != nil {
			t.Fatal(err)
		}
		at[i] = netip.AddrPortFrom(host, port)
	}
	phone, err := ring(at[1])
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	lines := [][]string{{"13800000001", "700100000010001"}, {"13800000002", "700100000010002"}, {"13800000003", "700100000010003"}}
	took, err := probe(context.Background(), at[0], at[1], lines)
	if err != nil {
		t.Fatal(err)
	}
	if len(took) != len(lines) {
		t.Errorf("%d times of %d calls", len(took), len(lines))
	}
	for _, d := range took {
		if d <= 0 || d > 5*time.Second {
			t.Errorf("a 180 took %s", d)
		}
	}
}

func TestQuantile(t *testing.T) {
	var times []time.Duration
	for i := 100; i > 0; i-- {
		times = append(times, time.Duration(i))
	}
	if p50, p99 := quantile(times, 0.5), quantile(times, 0.99); p50 != 51 || p99 != 100 {
		t.Errorf("p50 %d, p99 %d of 1 to 100", p50, p99)
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("a quantile of nothing")
	}
}

func TestParseCounts(t *testing.T) {
	c, err := parseCounts("StartTime;SuccessfulCall(P);SuccessfulCall(C);FailedCall(C);Retransmissions(C);\nx;1;1;0;0;\ny;2;3;1;7;\n")
	if want := (counts{successful: 3, failed: 1, retransmitted: 7}); err != nil || c != want {
		t.Errorf("%+v, %v; want %+v", c, err, want)
	}
	for _, text := range []string{"", "SuccessfulCall(C);FailedCall(C)\n1;2\n", "SuccessfulCall(C);FailedCall(C);Retransmissions(C)\n"} {
		if _, err := parseCounts(text); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
}

func TestOwnProcessIsRead(t *testing.T) {
	pid := os.Getpid()
	before, err := cpuOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	// As much as the kernel's other account says: a busy machine may give none of
	// its time for longer than any wall clock could allow for.
	for from := ownTime(t); ownTime(t) < from+100*time.Millisecond; {
		_ = strings.Repeat("x", 1000)
	}
	after, err := cpuOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	if used := after.since(before).sum(); used < 50*time.Millisecond || used > 5*time.Second {
		t.Errorf("100 ms of work took %s", used)
	}
	if resident, err := residentOf(pid); err != nil || resident < 1<<20 {
		t.Errorf("resident: %d bytes, %v", resident, err)
	}
	if _, err := droppedBy(pid); err != nil {
		t.Error(err)
	}
}

// ownTime is what this process has had of the processors.
func ownTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestReport(t *testing.T) {
	var out strings.Builder
	r := report{
		options: options{rate: 200, seconds: 10, talk: 100 * time.Millisecond},
		load:    load{calls: 2000, took: 10 * time.Second, cpu: processor{600 * time.Millisecond, 200 * time.Millisecond}, retransmitted: [2]int{1, 2}},
		delay:   delay{direct: []time.Duration{50 * time.Microsecond}, through: []time.Duration{300 * time.Microsecond}},
		memory:  memory{calls: 1000, before: 20e6, while: 60e6},
	}
	r.print(&out)
	for _, want := range []string{"calls per second", "200.0", "0.400 (user 0.300, system 0.100)", "0.25 / 0.25 ms", "40.0 KB (1000 calls"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}
