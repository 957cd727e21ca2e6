package mediatest

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Used is the processor time that a process has had so far, all its threads, the
// ended ones too; of a thread of the kernel, its own. It is the scheduler's
// account, to the nanosecond, not the sampled one of /proc/PID/stat.
func Used(pid int) (time.Duration, error) {
	var ts unix.Timespec
	const scheduler = 2 // CPUCLOCK_SCHED (clock_getcpuclockid(3))
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &ts); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// Pin binds a thread to one processor. 0 is the calling thread.
func Pin(tid, processor int) error {
	var set unix.CPUSet
	set.Set(processor)
	if err := unix.SchedSetaffinity(tid, &set); err != nil {
		return fmt.Errorf("thread %d on processor %d: %w", tid, processor, err)
	}
	return nil
}

// Priority is how a thread is scheduled.
type Priority int

// Priorities: as all else, before all that is normal, and before what is urgent
// too (SCHED_OTHER, and SCHED_FIFO of 1 and 2).
const (
	Normal Priority = iota
	Urgent
	MoreUrgent
)

// Urge schedules a thread so. 0 is the calling thread.
func Urge(tid int, p Priority) error {
	policy := unix.SCHED_NORMAL
	if p != Normal {
		policy = unix.SCHED_FIFO
	}
	priority := int32(p) // struct sched_param
	_, _, errno := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(tid), uintptr(policy), uintptr(unsafe.Pointer(&priority)))
	if errno != 0 {
		return fmt.Errorf("priority of thread %d: %w", tid, errno)
	}
	return nil
}

// urgeAll schedules every thread of this process so: the scheduler of Go now and then
// needs another thread to let one go on.
func urgeAll(p Priority) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := Urge(tid, p); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}
