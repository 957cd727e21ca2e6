package node

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mask700/store"
)

// TestADamagedRecordIsNoReasonNotToStart: of a call that a restart cut off.
func TestADamagedRecordIsNoReasonNotToStart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err   error
		fatal bool
		says  string
	}{
		{nil, false, "cut off are closed"},
		{fmt.Errorf("one: %w", store.ErrCorrupt), false, "could be read"},
		{store.ErrStalled, true, ""},
	} {
		var log bytes.Buffer
		err := closeAbandoned(func(time.Time) (int, error) { return 2, test.err }, slog.New(slog.NewTextHandler(&log, nil)))
		if (err != nil) != test.fatal || !strings.Contains(log.String(), test.says) {
			t.Errorf("%v: %v, %s", test.err, err, &log)
		}
	}
}
