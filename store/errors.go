package store

import "errors"

// Opening a store. Each text says what to do.
var (
	// ErrLocked: another process, in practice the server, has the data directory open.
	ErrLocked = errors.New("store: the data directory is open in another process; when that is the server, ask it over its admin socket")
	// ErrNoKey: rows or a ring are there and the master key is not. No new key is made, it would open none of them.
	ErrNoKey = errors.New("store: the master key of this store is missing; put its copy back, a new key cannot read the rows")
	// ErrWrongKey: the master key is another than the ring is wrapped under.
	ErrWrongKey = errors.New("store: the master key is another than that of this store")
	// ErrNoRing: rows are there and the file of their keys is not. No new one is made, it would open none of them.
	ErrNoRing = errors.New("store: the ring, the file with this store's data keys, is missing. Without it all that the store holds is lost: " +
		"bindings, call records, recordings, block lists, and by which numbers they are found; the master key alone opens none of it. " +
		"Put the newest copy of the ring back. If there is none, move the data directory away and start with an empty one")
	// ErrKeyWaits: a rotation of the master key waits for the operator to put the new one where the old one is.
	ErrKeyWaits = errors.New("store: the master key was changed, and the new one is not in its place yet; put it there, keep a copy of it elsewhere " +
		"and start again, which deletes the file that has it")
	// ErrWrongRing: the file of keys is of another store.
	ErrWrongRing = errors.New("store: the file of keys is that of another store; name the right one with keys.ring")
	// ErrOldRing: the file of keys is older than the rows. Going on would make keys again under numbers that rows name.
	ErrOldRing = errors.New("store: the file of keys is an older copy, which lacks keys that rows name; put the newest back")
	// ErrKeyInsideDataDir: a copy of the data directory would carry its own key.
	ErrKeyInsideDataDir = errors.New("store: the master key or the file of keys lies inside the data directory; keep it elsewhere, a copy of the data must not carry its key")
	// ErrRestoring: a backup is being put back there, or that was broken off.
	ErrRestoring = errors.New("store: a backup is being put back into the data directory, or that was broken off: `mask700 restore DIR` begins anew")
	// ErrNewerFormat: a later release wrote this store. Nothing was changed in it.
	ErrNewerFormat = errors.New("store: written by a later release; run that release or restore a backup made before the change")
)

// Using a store.
var (
	// ErrClosed: the store was shut.
	ErrClosed = errors.New("store: closed")
	// ErrBusy: more writes are waiting than the queue holds. Nothing was written.
	ErrBusy = errors.New("store: too many writes are waiting for the disk")
	// ErrStalled: the disk did not confirm a write in time, or the caller's context ended first. A write that had
	// been handed to the disk may still get there: ask before repeating it.
	ErrStalled = errors.New("store: the disk did not confirm the write in time")
	// ErrDiskFull: so little room is left that new bindings and blocks are refused. Calls, records and unbinding go on, and some entries of
	// block lists are added.
	ErrDiskFull = errors.New("store: less than 5 % of the disk is free; new bindings are refused until there is room")
	// ErrCorrupt: a row is damaged or was put in another row's place. Other rows are not concerned.
	ErrCorrupt = errors.New("store: damaged row")
	// ErrErased: the row is there, and the key that it is sealed under was destroyed.
	ErrErased = errors.New("store: erased; the key of its tenant and time was destroyed, and nothing can read it any more")
	// ErrRow: a field of the binding or record cannot be stored.
	ErrRow = errors.New("store: cannot be stored")
)
