package main

import (
	"bufio"
	"fmt"
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
	f, err := os.Open("/proc/net/udp")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var dropped int64
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 13 || !inodes[fields[9]] {
			continue
		}
		n, err := strconv.ParseInt(fields[12], 10, 64)
		if err != nil {
			return 0, err
		}
		dropped += n
	}
	return dropped, lines.Err()
}
