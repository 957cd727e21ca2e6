package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/binding"
	"mask700/store/ring"
	"mask700/store/seal"
)

// Options of Open. Dir and KeyFile are required; zero is the default of the others.
type Options struct {
	// Dir is the data directory. It is made with mode 0700 when it is missing.
	Dir string
	// KeyFile holds the master key, outside Dir. It is made with mode 0600 at the first start. In its place the name of
	// an environment variable or of a systemd credential may stand, which hold the text of one; exactly one of the three.
	KeyFile       string
	KeyEnv        string
	KeyCredential string
	// Ring is the file of the data keys, wrapped under the master key, outside Dir. Its directory must be the process's
	// to write in: keys are made as they are needed. Default: KeyFile with ".ring" behind it; needed without a KeyFile.
	Ring string
	// Period is how long a data key of a tenant is used. Default: a month.
	Period ring.Period
	// Cipher of the keys that are made. Those there are keep theirs, and the index its own. Default: AES-256-GCM.
	Cipher seal.Cipher
	// Logger takes the engine's events. No row's content is ever in them. Default: none are written.
	Logger *slog.Logger
	// CacheSize in bytes is for blocks of rows that were read, shared by both databases. Default 64 MiB.
	CacheSize int64
	// MemTableSize in bytes is what each database collects in memory before it writes a table. It grows to that with
	// use; while the disk is behind, up to four of them exist in each database. Default 16 MiB.
	MemTableSize uint64
	// IDMemory in bytes is what the ids of bindings may take in memory, 1.6 each, by which a new one is known not to be taken
	// without a look into the database. Where there are more, each is looked for. Default 400 MiB, which is 262 million.
	IDMemory int64
	// SyncInterval is the least time between two syncs of one log while many writes wait for it, so that more of them
	// share one. Default 500 µs; negative: none.
	SyncInterval time.Duration
	// WriteTimeout is after what time an unconfirmed write is answered ErrStalled. Default 5 s.
	WriteTimeout time.Duration
	// QueueLimit is how many writes may wait for each database before ErrBusy. Default 65536.
	QueueLimit int
	// DiskUsage returns free and total bytes of the disk under Dir. Default: asks the file system.
	DiskUsage func() (free, total uint64, err error)
	// DiskCheck is the time between two looks at DiskUsage. Default 1 s.
	DiskCheck time.Duration
	// Reserve in bytes is a file in Dir that holds room for the records of calls, of which it is at most 2 % of the disk: it is given up when less
	// than 1 % is free, and made again when there is plenty. Default: none.
	Reserve uint64
	// LimitOnX is how many bindings may live on one 700 number at once. Default binding.DefaultLimitOnX.
	LimitOnX int
	// Share lets numbers be drawn on which other pairs live, when there are no free ones. Default: each pair drawn for has
	// its numbers alone.
	Share bool
	// Served says which blocks of older ranges are served until when. Default: every block, for good.
	Served binding.Served
	// Numbers says whether a number is one of those that its block has here, as [binding.Plan.Numbers]; nil: all are.
	Numbers func(binding.X) bool
	// Decided says of which blocks an endpoint decides whom a call reaches: it gives their numbers out, so that none is drawn.
	// One that is asked for is bound. nil: of none.
	Decided func(binding.Block) bool
	// Quarantine is for how long nobody is bound again on a number that he dialled or was bound on; for so long it is kept
	// who dialled which number and may not do so. Default: none, and nothing is kept.
	Quarantine time.Duration
	// Strangers are connected by some bindings: of calls that are carried it is kept as well who dialled.
	Strangers bool
	// ContactLimit is how much is kept of who dialled what: so many pairs of two numbers, of about 40 bytes each. Default
	// 10 million.
	ContactLimit int
	// Bars is how many entries the block lists may have, and BarsOfTenant those of one tenant. Default
	// binding.DefaultBars and binding.DefaultTenantBars.
	Bars, BarsOfTenant int
	// Now is the clock that decides whether bindings on a block still live. Default time.Now.
	Now func() time.Time
	// Steady counts the time that has gone by while Now was set back and forth. Default: the machine's, or that of Now where
	// this is given.
	Steady func() time.Duration
	// Fatal is called when the log of a database cannot be written any more: nothing can be made durable, and going
	// on would break promises. It must not return. Default: exit with status 1, to be started again.
	Fatal func(error)

	maxRows int // default maxRowsOnX; tests have fewer

	fs    vfs.FS // default the operating system's; tests crash and block it
	waits func() // is told that a write waits for room on the disk

	// blockSize is that of tables, in bytes; 0: 16 KiB. To look for what is damaged in a block takes the library as long as its
	// square.
	blockSize int
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("store: a data directory is required")
	}
	if err := o.source().Check(); err != nil {
		return o, fmt.Errorf("store: %w", err)
	}
	if o.Ring == "" && o.KeyFile != "" {
		o.Ring = o.KeyFile + ".ring"
	}
	if o.Ring == "" {
		return o, errors.New("store: without a key file, a file for the ring is required")
	}
	if o.Cipher == 0 {
		o.Cipher = seal.AES256GCM
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CacheSize <= 0 {
		o.CacheSize = 64 << 20
	}
	if o.MemTableSize == 0 {
		o.MemTableSize = 16 << 20
	}
	if o.IDMemory <= 0 {
		o.IDMemory = 400 << 20
	}
	if o.SyncInterval == 0 {
		o.SyncInterval = 500 * time.Microsecond
	}
	o.SyncInterval = max(o.SyncInterval, 0)
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 5 * time.Second
	}
	if o.QueueLimit <= 0 {
		o.QueueLimit = 1 << 16
	}
	o.waits = sayOnce(o.Logger)
	if o.fs == nil {
		o.fs = vfs.Default
	}
	if o.DiskUsage == nil {
		o.DiskUsage = o.diskUsage
	}
	if o.DiskCheck <= 0 {
		o.DiskCheck = time.Second
	}
	if o.LimitOnX <= 0 {
		o.LimitOnX = binding.DefaultLimitOnX
	}
	if o.Bars <= 0 {
		o.Bars = binding.DefaultBars
	}
	if o.BarsOfTenant <= 0 {
		o.BarsOfTenant = binding.DefaultTenantBars
	}
	if o.maxRows <= 0 {
		o.maxRows = maxRowsOnX
	}
	o.Quarantine = max(o.Quarantine, 0)
	if o.ContactLimit <= 0 {
		o.ContactLimit = 10_000_000
	}
	if o.Steady == nil {
		o.Steady = steadyClock(o.Now)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Fatal == nil {
		o.Fatal = func(error) { os.Exit(1) }
	}
	return o, nil
}

// source is where the master key comes from.
func (o Options) source() seal.Source {
	return seal.Source{File: o.KeyFile, Env: o.KeyEnv, Credential: o.KeyCredential}
}

func (o Options) diskUsage() (free, total uint64, err error) {
	u, err := o.fs.GetDiskUsage(o.Dir)
	if err != nil {
		return 0, 0, fmt.Errorf("store: disk usage: %w", err)
	}
	return u.AvailBytes, u.TotalBytes, nil
}
