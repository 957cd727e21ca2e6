package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// counts is what SIPp counted in a whole run.
type counts struct {
	successful, failed, retransmitted int
}

// readCounts reads the last line of a file that SIPp wrote with -trace_stat.
func readCounts(file string) (counts, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return counts{}, err
	}
	return parseCounts(string(data))
}

func parseCounts(text string) (counts, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	names, last := strings.Split(lines[0], ";"), strings.Split(lines[len(lines)-1], ";")
	if len(lines) < 2 {
		return counts{}, fmt.Errorf("SIPp wrote no statistics")
	}
	var c counts
	for _, want := range []struct {
		name string
		into *int
	}{{"SuccessfulCall(C)", &c.successful}, {"FailedCall(C)", &c.failed}, {"Retransmissions(C)", &c.retransmitted}} {
		found := false
		for i, name := range names {
			if name != want.name || i >= len(last) {
				continue
			}
			n, err := strconv.Atoi(last[i])
			if err != nil {
				return counts{}, fmt.Errorf("SIPp's statistics: %s: %w", name, err)
			}
			*want.into, found = n, true
		}
		if !found {
			return counts{}, fmt.Errorf("SIPp's statistics have no %s", want.name)
		}
	}
	return c, nil
}
