package store

import "time"

// Stats is how the store does. All counts are since it was opened.
type Stats struct {
	Blocks  int    `json:"blocks"`
	LastSeq uint64 `json:"last_seq"`

	Bindings WriteStats `json:"bindings"`
	Records  WriteStats `json:"records"`

	Erased uint64 `json:"erased"` // rows that were passed over because their key was destroyed, each time

	Contacts     uint64 `json:"contacts"`      // who dialled which number and is kept off it, about; 0 as long as it is not known
	ContactsLost uint64 `json:"contacts_lost"` // not kept, because there were too many

	AuditUnnoted uint64 `json:"audit_unnoted"` // times that the end of the audit log could not be noted in the ring

	IDs       uint64 `json:"ids"`        // of bindings, that are noted in memory; 0: they are more than may be
	IDsLooked uint64 `json:"ids_looked"` // of new bindings, that were looked for on disk

	DiskFree  uint64 `json:"disk_free_bytes"`
	DiskTotal uint64 `json:"disk_total_bytes"`
	DiskFull  bool   `json:"disk_full"` // new bindings are refused
}

// WriteStats is of one database.
type WriteStats struct {
	Writes      uint64        `json:"writes"`
	Groups      uint64        `json:"groups"` // batches with one sync each
	Queued      int           `json:"queued"`
	Waiting     time.Duration `json:"waiting"` // how long the oldest unsynced batch has waited for the disk
	Bytes       uint64        `json:"bytes"`   // on disk
	Corruptions uint64        `json:"corruptions"`
	Errors      uint64        `json:"errors"` // background writes that failed and are tried again
	Stalls      uint64        `json:"stalls"`
	SlowDisk    uint64        `json:"slow_disk"`
}

// Stats never waits for the disk. After Close it is zero.
func (db *DB) Stats() Stats {
	db.use.Lock()
	if db.use.closed {
		db.use.Unlock()
		return Stats{}
	}
	db.use.users.Add(1)
	db.use.Unlock()
	defer db.leave()
	return Stats{
		Blocks:   len(db.blocks.table.Load().states),
		LastSeq:  db.LastSeq(),
		Bindings: db.bind.stats(db.bindWrites),
		Records:  db.cdr.stats(db.journal.writes),
		Erased:   db.erased.Load(),

		Contacts:     uint64(max(db.contacts.rows.Load(), 0)),
		ContactsLost: db.contacts.lost.Load(),

		AuditUnnoted: db.auditUnnoted.Load(),

		IDs:       db.seen.known(),
		IDsLooked: db.seen.looked.Load(),

		DiskFree:  db.guard.free.Load(),
		DiskTotal: db.guard.total.Load(),
		DiskFull:  db.guard.full.Load(),
	}
}

func (e *engine) stats(c *committer) WriteStats {
	queued, since := c.waiting()
	s := WriteStats{
		Writes:      c.writes.Load(),
		Groups:      c.groups.Load(),
		Queued:      queued,
		Bytes:       e.Metrics().DiskSpaceUsage(),
		Corruptions: e.watch.corruptions.Load(),
		Errors:      e.watch.errors.Load(),
		Stalls:      e.watch.stalls.Load(),
		SlowDisk:    e.watch.slow.Load(),
	}
	if !since.IsZero() {
		s.Waiting = time.Since(since)
	}
	return s
}
