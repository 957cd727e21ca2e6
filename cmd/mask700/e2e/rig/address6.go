package rig

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// listens is Bound for an address of either version of IP.
func listens(network string, at netip.AddrPort) (bool, error) {
	if at.Addr().Is4() {
		return Bound(network, at)
	}
	f, err := os.Open("/proc/thread-self/net/" + network + "6")
	if err != nil {
		return false, err
	}
	defer f.Close()
	ip := at.Addr().As16()
	for word := range slices.Chunk(ip[:], 4) {
		slices.Reverse(word) // the table has words of 32 bits as this machine writes them
	}
	want := fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(ip[:])), at.Port())
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 3 && fields[1] == want && (network == "udp" || fields[3] == "0A") {
			return true, nil
		}
	}
	return false, lines.Err()
}
