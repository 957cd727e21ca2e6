package store

import (
	"fmt"
	"strings"
)

// Report is what Check found. It holds no subscriber number.
type Report struct {
	Blocks   uint64 `json:"blocks"`
	Tenants  uint64 `json:"tenants"`
	Bars     uint64 `json:"bars"` // entries of block lists
	Tokens   uint64 `json:"tokens"`
	Locked   uint64 `json:"locked_numbers"`
	Requests uint64 `json:"requests"` // under an idempotency key
	Contacts uint64 `json:"contacts"` // who dialled what
	Erasing  uint64 `json:"erasing"`  // erasures of a person that go on
	Bindings uint64 `json:"bindings"`
	Live     uint64 `json:"live"`  // of the bindings
	Index    uint64 `json:"index"` // entries by which bindings are found
	Records  uint64 `json:"records"`
	LastSeq  uint64 `json:"last_seq"`
	Open     uint64 `json:"open"` // records of calls that go on
	// Rows whose key was destroyed; the bindings are counted above as well.
	ErasedBindings uint64 `json:"erased_bindings"`
	ErasedRecords  uint64 `json:"erased_records"`
	ErasedIndex    uint64 `json:"erased_index"` // entries of erased bindings that are not deleted yet
	ErasedBars     uint64 `json:"erased_bars"`  // entries of block lists that are not deleted yet
	// Erased says of the first hundred of those rows where they are and of which tenant, and why they cannot be read.
	Erased []string `json:"erased"`
	// Faults counts what is wrong; Problems says it of the first hundred.
	Faults   uint64   `json:"faults"`
	Problems []string `json:"problems"`
}

const maxProblems = 100

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return r.Faults == 0 }

// String is the report as a person reads it, in lines.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "blocks %d, tenants %d, entries of block lists %d\n", r.Blocks, r.Tenants, r.Bars)
	fmt.Fprintf(&b, "tokens %d, locked numbers %d, requests under a key %d, contacts %d, erasures that go on %d\n", r.Tokens, r.Locked, r.Requests, r.Contacts, r.Erasing)
	fmt.Fprintf(&b, "bindings %d, of them live %d, index entries %d\n", r.Bindings, r.Live, r.Index)
	fmt.Fprintf(&b, "call records %d, last seq %d, open %d\n", r.Records, r.LastSeq, r.Open)
	if r.ErasedBindings+r.ErasedRecords+r.ErasedIndex+r.ErasedBars > 0 {
		fmt.Fprintf(&b, "erased: bindings %d, call records %d, index entries left %d, entries of block lists left %d\n",
			r.ErasedBindings, r.ErasedRecords, r.ErasedIndex, r.ErasedBars)
		for _, e := range r.Erased {
			fmt.Fprintf(&b, "  %s\n", e)
		}
	}
	if r.OK() {
		b.WriteString("no faults\n")
		return b.String()
	}
	fmt.Fprintf(&b, "faults %d\n", r.Faults)
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s\n", p)
	}
	if more := r.Faults - uint64(len(r.Problems)); more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	return b.String()
}

func (r *Report) fault(format string, args ...any) {
	r.Faults++
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// erased names a row whose key was destroyed.
func (r *Report) erased(format string, args ...any) {
	if len(r.Erased) < maxProblems {
		r.Erased = append(r.Erased, fmt.Sprintf(format, args...))
	}
}
