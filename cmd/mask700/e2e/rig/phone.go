package rig

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Phone is one SIPp process.
type Phone struct {
	Scenario string         // path of the XML file
	Role     string         // names its files
	Dir      string         // where its files go
	Network  string         // udp or tcp
	Addr     netip.AddrPort // its own
	Media    uint16         // its RTP port
	Remote   netip.AddrPort // whom it calls; not valid for one that waits
	Lines    [][]string     // one line of the injection file for each call
	Calls    int            // how many it plays; 0: as many as Lines
	Within   time.Duration  // the whole of it
	Flags    []string       // further ones
}

// TraceFile holds the messages that the phone received and sent, the newest run's.
func (p *Phone) TraceFile() string { return filepath.Join(p.Dir, p.Role+".messages") }

// ErrorFile holds what did not go as the scenario says.
func (p *Phone) ErrorFile() string { return filepath.Join(p.Dir, p.Role+".errors") }

// Start starts SIPp; one that waits for calls is listening when Start returns.
func (p *Phone) Start(ctx context.Context) (*Process, error) {
	cmd, err := p.command()
	if err != nil {
		return nil, err
	}
	process, err := Start("sipp "+p.Role, cmd, "")
	if err != nil {
		return nil, err
	}
	err = Poll(ctx, "sipp "+p.Role+" to listen", func() (bool, error) {
		if p.Remote.IsValid() {
			return true, nil
		}
		if process.Ended() {
			return false, errors.New("sipp " + p.Role + " ended at once: " + process.Output())
		}
		return listens(p.Network, p.Addr)
	})
	if err != nil {
		process.Kill()
		return nil, err
	}
	return process, nil
}

func (p *Phone) command() (*exec.Cmd, error) {
	ip, calls := p.Addr.Addr().String(), p.Calls
	if calls == 0 {
		calls = len(p.Lines)
	}
	transport := "u1"
	if p.Network == "tcp" {
		transport = "t1"
	}
	args := []string{
		"-sf", p.Scenario, "-t", transport, "-m", strconv.Itoa(calls), "-nostdin",
		"-i", ip, "-bind_local", "-p", strconv.Itoa(int(p.Addr.Port())),
		"-mi", ip, "-mp", strconv.Itoa(int(p.Media)), "-ci", ip,
		"-cid_str", p.Role + "-%u-%p@%s",
		"-timeout", strconv.Itoa(int(p.Within/time.Second)) + "s", "-timeout_error",
	}
	if len(p.Lines) > 0 {
		file := filepath.Join(p.Dir, p.Role+".csv")
		if err := writeLines(file, p.Lines); err != nil {
			return nil, err
		}
		args = append(args, "-inf", file)
	}
	args = append(args, p.Flags...)
	if p.Remote.IsValid() {
		args = append(args, p.Remote.String())
	}
	cmd := exec.Command("sipp", args...)
	cmd.Dir = p.Dir
	cmd.Env = append(os.Environ(), "TERM=dumb")
	return cmd, nil
}

// Traced are the flags that make SIPp keep its messages and errors.
func (p *Phone) Traced() []string {
	return []string{"-trace_msg", "-message_file", p.TraceFile(), "-trace_err", "-error_file", p.ErrorFile()}
}

// writeLines writes an injection file: the order of use, then a line for each call, fields between semicolons.
func writeLines(file string, lines [][]string) error {
	var b strings.Builder
	b.WriteString("SEQUENTIAL\n")
	for _, fields := range lines {
		for _, f := range fields {
			if strings.ContainsAny(f, ";\n") {
				return fmt.Errorf("%s: a field has a semicolon or a line end in it", file)
			}
			b.WriteString(f)
			b.WriteByte(';')
		}
		b.WriteByte('\n')
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}
