package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetEnv removes a variable, also where the kernel put it when the process began: unset alone, it could be read in
// /proc/PID/environ for as long as the process lives.
func forgetEnv(name string) error {
	if err := os.Unsetenv(name); err != nil {
		return fmt.Errorf("seal: environment: %w", err)
	}
	start, end, err := environment()
	if err != nil {
		return fmt.Errorf("seal: where the environment stands: %w", err)
	}
	block := make([]byte, end-start)
	defer clear(block)
	if err := peek(block, start); err != nil {
		return fmt.Errorf("seal: environment: %w", err)
	}
	at := start
	for part := range bytes.SplitSeq(block, []byte{0}) {
		if value, ok := bytes.CutPrefix(part, []byte(name+"=")); ok && len(value) > 0 {
			if err := poke(make([]byte, len(value)), at+int64(len(name)+1)); err != nil {
				return fmt.Errorf("seal: environment: %w", err)
			}
		}
		at += int64(len(part)) + 1
	}
	return nil
}

// peek and poke copy memory of this process from and to an address. The system call is allowed to a process that may
// not be dumped, whose /proc/self/mem is root's.
func peek(b []byte, at int64) error {
	local := []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}
	remote := []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}
	n, err := unix.ProcessVMReadv(os.Getpid(), local, remote, 0)
	if err == nil && n < len(b) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func poke(b []byte, at int64) error {
	local := []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}
	remote := []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}
	n, err := unix.ProcessVMWritev(os.Getpid(), local, remote, 0)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// environment is where the first environment of the process stands in its memory: fields 50 and 51 of
// /proc/self/stat (proc_pid_stat(5)).
func environment() (start, end int64, err error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, err
	}
	// The second field is the program's name in parentheses, which may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const first = 3 // number of the first of these
	if len(fields) <= 51-first {
		return 0, 0, errors.New("/proc/self/stat is too short")
	}
	if start, err = strconv.ParseInt(fields[50-first], 10, 64); err != nil {
		return 0, 0, err
	}
	if end, err = strconv.ParseInt(fields[51-first], 10, 64); err != nil {
		return 0, 0, err
	}
	if start <= 0 || end <= start || end-start > 64<<20 {
		return 0, 0, errors.New("/proc/self/stat does not say it")
	}
	return start, end, nil
}
