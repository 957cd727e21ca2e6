package store

import (
	"cmp"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// pebbleFormat is pinned, so that a release decides when the files change and not the library. Raising it is one-way
// for a store; it wants a line in the changelog.
const pebbleFormat = pebble.FormatValueSeparation

// engine is one Pebble database and what is told about it.
type engine struct {
	*pebble.DB
	name  string
	fs    vfs.FS
	dir   string
	lock  *pebble.Lock
	watch engineEvents
	// tables is how a table of the lowest level is written that the database is to take in, upper how one of a level above.
	tables, upper sstable.WriterOptions
	load          atomic.Int64 // writes that wait for a sync
}

// heavyLoad is how many waiting writes make it worth to hold a sync back for more of them. Below it a pause only
// delays: a single writer would wait ten times as long, because timers are coarser than the disk.
const heavyLoad = 128

// syncInterval is the least time between two syncs of the log at this moment.
func (e *engine) syncInterval(most time.Duration) time.Duration {
	if e.load.Load() < heavyLoad {
		return 0
	}
	return most
}

// engineEvents counts what the database reports of itself.
type engineEvents struct {
	corruptions atomic.Uint64
	errors      atomic.Uint64 // flushes and compactions that failed and are tried again
	stalls      atomic.Uint64
	slow        atomic.Uint64 // disk operations over Pebble's limit
}

// openEngine opens the database name under the data directory, and makes it when it is missing.
func openEngine(o Options, name string, cache *pebble.Cache) (*engine, error) {
	dir := filepath.Join(o.Dir, name)
	if err := makeDir(o.fs, dir); err != nil {
		return nil, fmt.Errorf("store: make the data directory: %w", err)
	}
	lock, err := pebble.LockDirectory(dir, o.fs)
	if err != nil {
		if isLocked(err) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("store: lock the data directory: %w", err)
	}
	e := &engine{name: name, fs: o.fs, dir: dir, lock: lock}
	if err := e.open(o, dir, cache); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return e, nil
}

func (e *engine) open(o Options, dir string, cache *pebble.Cache) error {
	// The library's own answer to a later format cannot be told apart from other failures.
	found, err := filesFormat(o.fs, dir)
	if err != nil {
		return fmt.Errorf("store: look at %s: %w", e.name, err)
	}
	if found > pebbleFormat {
		return fmt.Errorf("%w (%s: files of format %d, this release writes %d)", ErrNewerFormat, e.name, found, pebbleFormat)
	}
	options := e.options(o, cache)
	options.EnsureDefaults()
	e.tables = options.MakeWriterOptions(len(options.Levels)-1, pebbleFormat.MaxTableFormat())
	e.tables.Compression = &imported
	e.upper = options.MakeWriterOptions(0, pebbleFormat.MaxTableFormat())
	db, err := pebble.Open(dir, options)
	if err != nil {
		return fmt.Errorf("store: open %s: %w", e.name, err)
	}
	e.DB = db
	return nil
}

// filesFormat reads the format of a database's files, 0 when there are none, from the name of the file that keeps it:
// marker.format-version.GENERATION.FORMAT. The highest generation counts.
func filesFormat(fs vfs.FS, dir string) (pebble.FormatMajorVersion, error) {
	names, err := fs.List(dir)
	if err != nil {
		return 0, err
	}
	var format pebble.FormatMajorVersion
	latest := int64(-1)
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, "marker.format-version.")
		if !ok {
			continue
		}
		left, right, _ := strings.Cut(rest, ".")
		generation, gerr := strconv.ParseInt(left, 10, 64)
		n, nerr := strconv.ParseUint(right, 10, 32)
		if gerr != nil || nerr != nil {
			return 0, fmt.Errorf("%w: file %s", ErrCorrupt, name)
		}
		if generation > latest {
			latest, format = generation, pebble.FormatMajorVersion(n)
		}
	}
	return format, nil
}

// makeDir makes what is missing of dir, with mode 0700, and syncs the directory above each that it made: Pebble syncs
// only what is within its own.
func makeDir(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil || !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := makeDir(fs, above); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	d, err := fs.OpenDir(above)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// close gives the directory free. Pebble panics on an iterator left open; every one is closed where it is made.
func (e *engine) close() error {
	return errors.Join(e.DB.Close(), e.lock.Close())
}

// isLocked: another process holds the lock (EAGAIN by fcntl(2)), or this one does.
func isLocked(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process")
}

func (e *engine) options(o Options, cache *pebble.Cache) *pebble.Options {
	log := engineLog{log: o.Logger.With("database", e.name), fatal: o.Fatal}
	p := &pebble.Options{
		FS:                          firstFS{&patientFS{o.fs, o.waits}},
		Lock:                        e.lock,
		Comparer:                    newComparer(),
		FormatMajorVersion:          pebbleFormat,
		Cache:                       cache,
		MemTableSize:                o.MemTableSize,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       8,    // the more tables go down at once, the less often what lies there is written anew
		L0StopWritesThreshold:       1000, // fall behind in tidying rather than hold up writes
		LBaseMaxBytes:               256 << 20,
		MaxOpenFiles:                4096,
		BytesPerSync:                1 << 20,
		WALBytesPerSync:             1 << 20,
		WALMinSyncInterval:          func() time.Duration { return e.syncInterval(o.SyncInterval) },
		CompactionConcurrencyRange:  func() (int, int) { return 1, max(2, runtime.NumCPU()/2) },
		Logger:                      log,
		EventListener:               e.listener(log.log),
		Cleaner:                     cleaner{},
		MaxManifestFileSize:         1, // what it lists of tables that are deleted soon goes, see newManifest
	}
	p.TargetFileSizes[0] = 8 << 20
	for i := range p.Levels {
		p.Levels[i].BlockSize = cmp.Or(o.blockSize, 16<<10)
		p.Levels[i].IndexBlockSize = 64 << 10
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	// The library asks no filter of the lowest level, which has nearly all rows, unless it is told to for each question; and
	// what is asked for is nearly always there.
	p.Levels[len(p.Levels)-1].FilterPolicy = pebble.NoFilterPolicy
	p.ApplyCompressionSettings(compression)
	return p
}

// compression is quick in the levels that are written over and over, and zstd in the lowest one, where nearly all rows
// are.
func compression() pebble.DBCompressionSettings {
	c := pebble.DBCompressionFastest
	c.Levels[len(c.Levels)-1] = &lowest
	return c
}

// lowest is the compression of the lowest level. What of a row is sealed does not become smaller, so that the library would
// give zstd up for most blocks; but of what stands around it, a tenth of the whole, little is left.
var lowest = func() block.CompressionProfile {
	p := *block.GoodCompression
	p.Name, p.MinReductionPercent, p.AdaptiveReductionCutoffPercent = "mask700", 3, 0
	return p
}()

// imported is the same for tables that an import writes there, at the quickest level: what little can be made smaller is by
// that one too.
var imported = func() block.CompressionProfile {
	p := lowest
	p.DataBlocks, p.ValueBlocks = block.BalancedCompression.DataBlocks, block.BalancedCompression.ValueBlocks
	return p
}()

// listener replaces Pebble's own answer to a damaged block, which is to end the process: one block is one row's
// trouble, and the calls on all other rows go on.
func (e *engine) listener(log *slog.Logger) *pebble.EventListener {
	return &pebble.EventListener{
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			e.watch.corruptions.Add(1)
			log.Error("damaged block; restore it from a backup", "file", i.Path, "error", i.Details)
		},
		BackgroundError: func(err error) {
			e.watch.errors.Add(1)
			log.Error("background write failed and is tried again", "error", err)
		},
		DiskSlow: func(i pebble.DiskSlowInfo) {
			e.watch.slow.Add(1)
			log.Warn("slow disk", "file", i.Path, "operation", i.OpType.String(), "duration", i.Duration)
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			e.watch.stalls.Add(1)
			log.Warn("writes wait for the disk", "reason", i.Reason)
		},
		WriteStallEnd: func() { log.Info("writes go on") },
	}
}

// engineLog hands Pebble's lines to slog. They hold file names, sizes and keys; keys hold no number in clear.
type engineLog struct {
	log   *slog.Logger
	fatal func(error)
}

func (l engineLog) Infof(format string, args ...any) {
	l.log.Debug(fmt.Sprintf(format, args...))
}

func (l engineLog) Errorf(format string, args ...any) {
	l.log.Error(fmt.Sprintf(format, args...))
}

// Fatalf is called when the log cannot be written. Pebble counts on it not to return.
func (l engineLog) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	l.log.Error("the store cannot go on", "error", err)
	l.fatal(err)
}

// firstFS has the directory synced when a manifest was made, before the marker that names it: of the two entries a crash might
// keep only the second, and a database that was just made could not be opened.
type firstFS struct{ vfs.FS }

// Create implements vfs.FS.
func (f firstFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	if err != nil || !strings.HasPrefix(f.PathBase(name), "MANIFEST-") {
		return file, err
	}
	dir, err := f.OpenDir(f.PathDir(name))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
