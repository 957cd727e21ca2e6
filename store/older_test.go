package store

import (
	"testing"

	"mask700/binding"
	"mask700/store/storetest"
)

func TestOlderRanges(t *testing.T) {
	t.Parallel()
	storetest.Older(t, func(t *testing.T, o storetest.OlderOptions) binding.Store {
		opts := options(t, t.TempDir())
		opts.Served, opts.Numbers, opts.Now, opts.Share = o.Served, o.Numbers, o.Now, o.Share
		db := mustOpen(t, opts)
		t.Cleanup(func() {
			checked(t, db)
			mustClose(t, db)
		})
		return db
	})
}
