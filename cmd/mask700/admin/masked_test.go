package admin

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestRequestsArePrintedMasked: whatever prints them, and logs of both kinds.
func TestRequestsArePrintedMasked(t *testing.T) {
	for _, r := range []any{BindingQuery{Number: numberA}, BarQuery{Number: numberA}, Question{Caller: numberA}, HistoryRequest{Number: numberA}, EraseRequest{Number: numberA}} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("asked", "request", r)
		slog.New(slog.NewTextHandler(&log, nil)).Info("asked", "request", r)
		for _, s := range []string{fmt.Sprint(r), fmt.Sprintf("%+v", r), fmt.Sprintf("%#v", r), fmt.Sprintf("%q", r), log.String()} {
			if s == "" || strings.Contains(s, numberA) {
				t.Errorf("%T is printed as %s", r, s)
			}
		}
	}
}
