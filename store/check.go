package store

import "context"

// Check goes through the whole store: see Report.
func (db *DB) Check(ctx context.Context) (Report, error) {
	return Report{}, ctx.Err()
}

// Report is what Check found.
type Report struct {
	Bindings, Live, Blocks uint64
	Records, Open          uint64
	Problems               []string
}

// OK reports whether nothing was wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }
