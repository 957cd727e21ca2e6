package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mask700/cmd/mask700/e2e/rig"
)

//go:embed caller.xml
var callerScenario []byte

//go:embed callee.xml
var calleeScenario []byte

func writeScenarios(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "caller.xml"), callerScenario, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "callee.xml"), calleeScenario, 0o600)
}

// bench is one running gateway with its two phones' addresses and its bindings.
type bench struct {
	gateway        *rig.Gateway
	dir            string
	left           netip.AddrPort // of the gateway, toward the caller
	caller, callee netip.AddrPort
	media          [2]uint16  // RTP ports of caller and callee
	lines          [][]string // the caller's number and the 700 number of each binding
}

// start runs a gateway with n bindings in a directory of its own.
func start(ctx context.Context, parent, binary string, n int) (*bench, error) {
	return startFrom(ctx, parent, binary, n, "")
}

// startFrom is start with other sources on the caller's trunk than its phone.
func startFrom(ctx context.Context, parent, binary string, n int, sources string) (*bench, error) {
	dir, err := os.MkdirTemp(parent, "")
	if err != nil {
		return nil, err
	}
	h := rig.NewHosts()
	b := &bench{dir: dir}
	var ports [6]uint16
	for i, at := range []netip.Addr{h.Left, h.Right, h.Caller, h.Callee, h.Caller, h.Callee} {
		if ports[i], err = rig.FreePort(at); err != nil {
			return nil, err
		}
	}
	b.left = netip.AddrPortFrom(h.Left, ports[0])
	right := netip.AddrPortFrom(h.Right, ports[1])
	b.caller, b.callee = netip.AddrPortFrom(h.Caller, ports[2]), netip.AddrPortFrom(h.Callee, ports[3])
	b.media = [2]uint16{ports[4], ports[5]}
	if sources == "" {
		sources = h.Caller.String() + "/32"
	}
	config := fmt.Sprintf(`sip:
  listen:
    - {name: left, bind: "udp:%[1]s"}
    - {name: right, bind: "udp:%[2]s"}
media:
  pools:
    - {name: left, address: %[3]s, ports: 20000-59999}
    - {name: right, address: %[4]s, ports: 20000-59999}
limits: {mode: shadow} # asked and counted, of a few pairs that call all the time
trunks:
  - {name: left, sources: ["%[5]s"], targets: ["sip:%[6]s;transport=udp"], route_to: right, listen: left, media: left}
  - {name: right, sources: ["%[7]s/32"], targets: ["sip:%[8]s;transport=udp"], route_to: left, listen: right, media: right}
`, b.left, right, h.Left, h.Right, sources, b.caller, h.Callee, b.callee)

	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if b.gateway, err = rig.Serve(ready, binary, dir, config); err != nil {
		return nil, err
	}
	if err := b.bind(ctx, n); err != nil {
		b.gateway.Kill()
		return nil, err
	}
	return b, nil
}

// bind makes n bindings in one batch, each with numbers of its own.
func (b *bench) bind(ctx context.Context, n int) error {
	var batch strings.Builder
	rows := json.NewEncoder(&batch)
	for i := range n {
		block := fmt.Sprintf("7001%07d", i/10000)
		if i%10000 == 0 {
			if _, err := b.gateway.Run(ctx, "block", "add", block); err != nil {
				return err
			}
		}
		caller, x := fmt.Sprintf("138%08d", i), fmt.Sprintf("%s%04d", block, i%10000)
		row := map[string]string{"mode": "axb", "a": caller, "b": fmt.Sprintf("139%08d", i), "x": x, "order": fmt.Sprintf("bench-%d", i)}
		if err := rows.Encode(row); err != nil {
			return err
		}
		b.lines = append(b.lines, []string{caller, x})
	}
	_, err := b.gateway.RunWith(ctx, []byte(batch.String()), "binding", "create", "--from", "-", "-o", "json")
	return err
}

// phones starts SIPp on both sides: calls calls at rate, each line of the bindings in turn.
func (b *bench) phones(ctx context.Context, calls, rate int, talk time.Duration) (caller, callee *rig.Process, err error) {
	within := time.Duration(calls/rate)*time.Second + talk + 40*time.Second
	common := []string{"-trace_stat", "-fd", "1", "-trace_err", "-buff_size", "4194304", "-skip_rlimit", "-l", fmt.Sprint(calls + 1)}
	phone := func(role string, at netip.AddrPort, media uint16, more ...string) *rig.Phone {
		p := &rig.Phone{Scenario: filepath.Join(filepath.Dir(b.dir), role+".xml"), Role: role, Dir: b.dir, Network: "udp",
			Addr: at, Media: media, Calls: calls, Within: within}
		p.Flags = append(append(p.Flags, common...), "-stf", b.statistics(role), "-error_file", p.ErrorFile())
		p.Flags = append(p.Flags, more...)
		return p
	}
	if callee, err = phone("callee", b.callee, b.media[1]).Start(ctx); err != nil {
		return nil, nil, err
	}
	p := phone("caller", b.caller, b.media[0], "-r", fmt.Sprint(rate), "-d", fmt.Sprint(talk.Milliseconds()))
	p.Remote, p.Lines = b.left, b.lines
	if caller, err = p.Start(ctx); err != nil {
		callee.Kill()
		return nil, nil, err
	}
	return caller, callee, nil
}

// statistics is the file in which a phone counts.
func (b *bench) statistics(role string) string { return filepath.Join(b.dir, role+".statistics") }
