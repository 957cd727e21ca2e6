package admin

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"regexp"

	"mask700/binding"
	"mask700/sip/text"
	"mask700/store"
)

// Keeper is what the handlers ask of a store as a whole; *store.DB is one.
type Keeper interface {
	Backup(ctx context.Context, dir string, o store.BackupOptions) (store.Backup, error)
	CheckBackup(ctx context.Context, dir string) (store.Report, error)
	LastSweeps() ([]store.Sweep, error)
	SweepTime() (store.SweepTime, error)
	ConfirmClock() error
	SweepRetention(ctx context.Context, r store.Retention, note func(store.Sweep) error) ([]store.Sweep, error)
}

// BackupRequest asks for a copy of the store.
type BackupRequest struct {
	Dir   string `json:"dir"`   // on the server's machine, an absolute path: not there yet, or empty
	Check bool   `json:"check"` // go through the copy, every row of it
}

// BackupResult is the copy that was made.
type BackupResult struct {
	store.Backup
	Check *CheckReport `json:"check,omitempty"` // nil: it was not asked for
}

// whatBackup is what the audit log calls a backup.
const whatBackup = "backup"

var errNoKeeper = errors.New("this store cannot be copied from here")

// namesNumber is true of a path with a mobile's or a landline's number in it, as people write one without separators.
var namesNumber = regexp.MustCompile(`(^|[^0-9])(\+[0-9]{7,}|(00)?(86)?0?1[3-9][0-9]{9}|(00)?(86)?0[1-9][0-9]{8,10})([^0-9]|$)`)

// backup is noted before it is made, so that its entry is in the copy too.
func (a *api) backup(w http.ResponseWriter, r *http.Request) {
	var req BackupRequest
	if err := readJSON(w, r, &req); err != nil {
		a.fail(w, err)
		return
	}
	switch {
	case !filepath.IsAbs(req.Dir):
		a.fail(w, &binding.FieldError{Field: "dir", Err: errors.New("an absolute path is needed, of a directory that is not there yet or is empty")})
		return
	case namesNumber.MatchString(req.Dir) || text.Screen(&a.Bindings.Plan, text.Mask, []byte(req.Dir)).Numbers > 0: // it stands in the log of whatever opens the copy
		a.fail(w, &binding.FieldError{Field: "dir", Err: errors.New("its name reads like a subscriber's number; give another")})
		return
	case a.Keeper == nil:
		a.fail(w, errNoKeeper)
		return
	}
	if _, err := a.note(r, whatBackup, req.Dir, "backup"); err != nil {
		a.fail(w, err)
		return
	}
	made, err := a.Keeper.Backup(r.Context(), req.Dir, store.BackupOptions{Audit: a.Audit, Files: a.BackupFiles})
	if err != nil {
		a.fail(w, err)
		return
	}
	out := BackupResult{Backup: made}
	if req.Check {
		report, err := a.Keeper.CheckBackup(r.Context(), req.Dir)
		if err != nil {
			a.fail(w, err)
			return
		}
		v := checkReport(report)
		out.Check = &v
	}
	a.answer(w, http.StatusOK, out)
}
