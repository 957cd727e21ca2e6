package admin

import (
	"net/http"
	"time"

	"mask700/binding"
	"mask700/store"
	"mask700/store/audit"
)

// RetentionList is how long each class is kept, and what became of what is over.
type RetentionList struct {
	Classes []RetentionClass `json:"classes"`
}

// RetentionClass is a class of what is kept.
type RetentionClass struct {
	Class  string           `json:"class"`
	Keep   binding.Duration `json:"keep"` // "": for ever
	Oldest time.Time        `json:"oldest,omitzero"`
	Last   *store.Sweep     `json:"last,omitempty"` // the last sweep; null: there was none, or recordings, which are swept by the hour
}

// ClassRecordings is the class of recordings, which are files.
const ClassRecordings = "recordings"

// ClassAudit is the class of entries of the audit log.
const ClassAudit = "audit"

// whatSweep is what the audit log calls a sweep that somebody asked for.
const whatSweep = "retention.delete"

// listRetention says what is kept how long.
func (a *api) listRetention(w http.ResponseWriter, _ *http.Request) {
	if a.Keeper == nil {
		a.fail(w, errNoKeeper)
		return
	}
	last, err := a.Keeper.LastSweeps()
	if err != nil {
		a.fail(w, err)
		return
	}
	list := RetentionList{Classes: []RetentionClass{
		{Class: store.ClassBindings, Keep: binding.Duration(a.Keep.Bindings)}, {Class: store.ClassRecords, Keep: binding.Duration(a.Keep.Records)},
	}}
	for i := range list.Classes {
		c := &list.Classes[i]
		for _, s := range last {
			if s.Class == c.Class {
				c.Last, c.Oldest = &s, s.Oldest
			}
		}
	}
	if a.Recordings != nil {
		oldest, err := a.Recordings.Oldest()
		if err != nil {
			a.fail(w, err)
			return
		}
		list.Classes = append(list.Classes, RetentionClass{Class: ClassRecordings, Keep: binding.Duration(a.KeepRecordings), Oldest: oldest})
	}
	if a.Audit != nil {
		oldest, err := a.Audit.Oldest()
		if err != nil {
			a.fail(w, err)
			return
		}
		list.Classes = append(list.Classes, RetentionClass{Class: ClassAudit, Keep: binding.Duration(a.KeepAudit), Oldest: oldest})
	}
	a.answer(w, http.StatusOK, list)
}

// whatClock is what it calls that a clock was confirmed.
const whatClock = "retention.clock"

// confirmClock believes the clock once that is in the audit log.
func (a *api) confirmClock(r *http.Request) error {
	t, err := a.Keeper.SweepTime()
	if err != nil {
		return err
	}
	if _, err := a.note(r, whatClock, "ahead by "+t.Ahead.Round(time.Second).String(), "the clock is right"); err != nil {
		return err
	}
	return a.Keeper.ConfirmClock()
}

// sweep deletes what is over now.
func (a *api) sweep(w http.ResponseWriter, r *http.Request) {
	if a.Keeper == nil {
		a.fail(w, errNoKeeper)
		return
	}
	confirm, err := boolean(r.URL.Query(), "confirm_clock")
	if err == nil && confirm {
		err = a.confirmClock(r)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	_, err = a.Keeper.SweepRetention(r.Context(), a.Keep, func(s store.Sweep) error {
		_, err := a.note(r, whatSweep, s.String(), "its time is over")
		return err
	})
	if err == nil && a.KeepAudit > 0 && a.Audit != nil {
		now := a.now()
		var t store.SweepTime
		if t, err = a.Keeper.SweepTime(); err != nil {
			a.fail(w, err)
			return
		}
		_, err = a.Audit.Cut(t.At.Add(-a.KeepAudit), audit.Entry{Who: who(r.Context()), What: whatSweep, Reason: "its time is over"}, now)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.listRetention(w, r)
}
