package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mask700/media/mediatest"
)

// rtpengine is Debian's, in user space, driven by its ng protocol: a cookie, a
// space and a bencoded dictionary in a datagram each way.
type rtpengine struct {
	cmd    *exec.Cmd
	line   string
	conn   *net.UDPConn
	cookie int
}

// control is where it listens for commands.
var control = netip.MustParseAddrPort("127.0.0.1:2223")

// findRTPengine is the program; Debian's is not in every user's path.
func findRTPengine() (string, error) {
	for _, name := range []string{"rtpengine", "/usr/sbin/rtpengine", "/usr/bin/rtpengine"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("rtpengine is not installed; testdata/setup/servers.sh rtpengine-daemon installs it")
}

// startRTPengine starts it in a namespace and waits until it answers. What it says
// goes into a file.
func startRTPengine(ctx context.Context, in *mediatest.Namespace, where layout, threads int, log *os.File) (*rtpengine, error) {
	path, err := findRTPengine()
	if err != nil {
		return nil, err
	}
	args := []string{"--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=4",
		"--interface=left/" + gates[0].Addr().String(), "--interface=right/" + gates[1].Addr().String(),
		"--listen-ng=" + control.String(), "--num-threads=" + strconv.Itoa(threads),
		"--port-min=" + strconv.Itoa(lowestPort), "--port-max=" + strconv.Itoa(topPort), "--timeout=86400", "--silent-timeout=86400"}
	e := &rtpengine{cmd: exec.Command(path, args...), line: path + " " + strings.Join(args, " ")}
	e.cmd.Stdout, e.cmd.Stderr = log, log
	if err := start(ctx, in, where, e.cmd); err != nil {
		return nil, fmt.Errorf("rtpengine: %w", err)
	}
	err = in.Do(func() error {
		e.conn, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(control))
		return err
	})
	if err == nil {
		err = e.await(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rtpengine: %w", err), e.stop())
	}
	return e, nil
}

// await pings until there is a pong.
func (e *rtpengine) await(ctx context.Context) error {
	for {
		_, err := e.ask(ctx, map[string]any{"command": "ping"}, "pong")
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case e.cmd.Process.Signal(syscall.Signal(0)) != nil:
			return errors.New("it ended at once")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ask sends a command and reads its answer, which must have a result of that name.
func (e *rtpengine) ask(ctx context.Context, command map[string]any, result string) (map[string]any, error) {
	e.cookie++
	cookie := strconv.Itoa(e.cookie) + " "
	message, err := encode([]byte(cookie), command)
	if err != nil {
		return nil, err
	}
	if _, err := e.conn.Write(message); err != nil {
		return nil, err
	}
	var buffer [64 << 10]byte
	for {
		if err := e.conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return nil, err
		}
		n, err := e.conn.Read(buffer[:])
		if err != nil {
			return nil, err
		}
		text, ok := strings.CutPrefix(string(buffer[:n]), cookie)
		if !ok {
			continue // of a question before
		}
		value, err := decode([]byte(text))
		if err != nil {
			return nil, err
		}
		answer, _ := value.(map[string]any)
		if answer["result"] != result {
			return nil, fmt.Errorf("%v: %v, %v", command["command"], answer["result"], answer["error-reason"])
		}
		return answer, ctx.Err()
	}
}

func (e *rtpengine) open(calls []call) error {
	for i := range calls {
		c := &calls[i]
		name := fmt.Sprintf("call-%d", c.ID)
		offer := map[string]any{"command": "offer", "call-id": name, "from-tag": "a", "sdp": description(c.Party[0]),
			"direction": []string{"left", "right"}, "replace": []string{"origin", "session-connection"}, "ICE": "remove"}
		if err := e.exchange(offer, &c.Relay[1]); err != nil {
			return err
		}
		answer := map[string]any{"command": "answer", "call-id": name, "from-tag": "a", "to-tag": "b", "sdp": description(c.Party[1]),
			"replace": []string{"origin", "session-connection"}, "ICE": "remove"}
		if err := e.exchange(answer, &c.Relay[0]); err != nil {
			return err
		}
	}
	return nil
}

// exchange sends a description and reads the address in the one that comes back.
func (e *rtpengine) exchange(command map[string]any, at *netip.AddrPort) error {
	answer, err := e.ask(context.Background(), command, "ok")
	if err != nil {
		return err
	}
	text, _ := answer["sdp"].(string)
	*at, err = described(text)
	return err
}

func (e *rtpengine) end(calls []call) error {
	for _, c := range calls {
		command := map[string]any{"command": "delete", "call-id": fmt.Sprintf("call-%d", c.ID), "from-tag": "a", "delete-delay": 0}
		if _, err := e.ask(context.Background(), command, "ok"); err != nil {
			return err
		}
	}
	return nil
}

func (e *rtpengine) dropped() (string, error) { return "", nil }

func (e *rtpengine) command() string { return e.line }

func (e *rtpengine) pid() int { return e.cmd.Process.Pid }

func (e *rtpengine) stop() error {
	if e.conn != nil {
		_ = e.conn.Close() // a datagram socket: nothing waits in it
	}
	return stop(e.cmd)
}

// stop asks a program to end, and makes it.
func stop(cmd *exec.Cmd) error {
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// description is what a party of G.711 A-law offers or answers.
func description(at netip.AddrPort) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP %[3]d\r\n"+
		"a=rtpmap:%[3]d PCMA/8000\r\na=sendrecv\r\n", at.Addr(), at.Port(), payloadType)
}

// described is the address of the audio of a description.
func described(text string) (netip.AddrPort, error) {
	var addr netip.Addr
	var port uint64
	var err error
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if a, ok := strings.CutPrefix(lines.Text(), "c=IN IP4 "); ok && err == nil {
			addr, err = netip.ParseAddr(strings.TrimSpace(a))
		}
		if m, ok := strings.CutPrefix(lines.Text(), "m=audio "); ok && err == nil {
			p, _, _ := strings.Cut(m, " ")
			port, err = strconv.ParseUint(p, 10, 16)
		}
	}
	at := netip.AddrPortFrom(addr, uint16(port))
	if err != nil || !at.IsValid() || port == 0 {
		return netip.AddrPort{}, errors.New("a description without an address of audio")
	}
	return at, nil
}
