package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/PID/stat: USER_HZ, 100 on every Linux that Go runs on.
const tick = time.Second / 100

// processor is CPU time.
type processor struct{ user, system time.Duration }

func (p processor) sum() time.Duration { return p.user + p.system }

func (p processor) since(before processor) processor {
	return processor{p.user - before.user, p.system - before.system}
}

// cpuOf is the CPU time that a process has used so far, all threads.
func cpuOf(pid int) (processor, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processor{}, err
	}
	// The name of the program, in parentheses, may hold anything; fields are counted after it (proc(5)): state is
	// the third, utime the 14th, stime the 15th.
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return processor{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return processor{}, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return processor{}, err
	}
	return processor{time.Duration(user) * tick, time.Duration(system) * tick}, nil
}

// residentOf is the memory of a process that is in RAM, bytes.
func residentOf(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if kb, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(kb, "kB")), 10, 64)
			return n * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
}

// droppedBy is how many datagrams the kernel dropped at the UDP sockets of a process because they were full.
func droppedBy(pid int) (int64, error) {
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return 0, err
	}
	inodes := map[string]bool{}
	for _, l := range links {
		// A descriptor may be closed between the listing and the reading.
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			inodes[strings.Trim(to, "socket:[]")] = true
		}
	}
	var dropped int64
	err = eachSocket(func(fields []string) error {
		if !inodes[fields[9]] {
			return nil
		}
		n, err := strconv.ParseInt(fields[12], 10, 64)
		dropped += n
		return err
	})
	return dropped, err
}

// waitingAt is how many bytes wait to be read at the UDP socket that is bound to
// an IPv4 address, with the kernel's own for each datagram.
func waitingAt(at netip.AddrPort) (int64, error) {
	ip := at.Addr().As4()
	local := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), at.Port())
	waiting := int64(-1)
	// The table is no snapshot: a line can be missing while others come and go.
	for tries := 0; waiting < 0; tries++ {
		if tries == 5 {
			return 0, fmt.Errorf("no socket is bound to %v", at)
		}
		err := eachSocket(func(fields []string) error {
			if fields[1] != local {
				return nil
			}
			_, queue, _ := strings.Cut(fields[4], ":")
			n, err := strconv.ParseInt(queue, 16, 64)
			waiting = n
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return waiting, nil
}

// eachSocket gives the fields of every line of the kernel's table of UDP sockets.
func eachSocket(each func(fields []string) error) error {
	f, err := os.Open("/proc/net/udp")
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 13 || fields[0] == "sl" {
			continue
		}
		if err := each(fields); err != nil {
			return err
		}
	}
	return lines.Err()
}
