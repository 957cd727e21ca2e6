package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/ring"
	"mask700/store/seal"
)

// formatVersion is of the rows of this package. A store of a later one is refused. In format 1 the wrapped keys were
// rows, one for each database; in format 2 they are in the ring. In format 3 bindings are found by party, order and consent
// through one table, in the order of time. In format 4 ids are packed in keys and the rows of bindings are shorter; older rows
// are read as they are. In format 5 new entries count when a binding is over from its start; older ones are read as they are. In
// format 6 what finds bindings by party, order and consent says where they stand in place of their ids.
const formatVersion = 6

// Names in tableMeta.
const (
	metaFormat   = "format"   // u32
	metaDatabase = "database" // its directory's name, so that exchanged directories are noticed
	metaRing     = "ring"     // name of the store in its ring
	metaMaster   = "master"   // format 1: fingerprint of the master key
	metaPurge    = "purge"    // there while files may hold keys of format 1
)

// firstIndexKey is the one version of the index keys there is so far. Every hash begins with its own.
const firstIndexKey byte = 1

// state is what a database says of itself before it is used.
type state struct {
	format uint32 // 0: it is new
	store  string // format 2: name in the ring
	master string // format 1: fingerprint
}

// stateOf reads it. A later format and a directory that belongs to another database are errors.
func stateOf(e *engine) (s state, err error) {
	v, ok, err := get(e, keyText(tableMeta, metaFormat))
	if err != nil || !ok {
		return state{}, err
	}
	if len(v) != 4 {
		return state{}, fmt.Errorf("%w: format of %s", ErrCorrupt, e.name)
	}
	if s.format = binary.BigEndian.Uint32(v); s.format > formatVersion {
		return state{}, fmt.Errorf("%w (%s: rows of format %d, this release writes %d)", ErrNewerFormat, e.name, s.format, formatVersion)
	}
	name, _, err := get(e, keyText(tableMeta, metaDatabase))
	if err != nil {
		return state{}, err
	}
	if string(name) != e.name {
		return state{}, fmt.Errorf("store: directory %s holds the database %q; put the directories back as they were", e.name, name)
	}
	meta, into := metaRing, &s.store
	if s.format == 1 {
		meta, into = metaMaster, &s.master
	}
	v, ok, err = get(e, keyText(tableMeta, meta))
	if err == nil && (!ok || len(v) == 0) {
		err = fmt.Errorf("%w: key %q of %s", ErrCorrupt, meta, e.name)
	}
	*into = string(v)
	return s, err
}

// usesOf are the uses whose keys seal what is in a database or beside it.
func usesOf(e *engine) []ring.Use {
	if e.name == "bind" {
		return []ring.Use{ring.Bindings}
	}
	return []ring.Use{ring.Records, ring.Recordings}
}

// openKeys checks both databases before it changes either, and has the master key and the ring on disk before the first
// row that depends on them.
func (db *DB) openKeys() error {
	both := []*engine{db.bind, db.cdr}
	states := make([]state, len(both))
	fresh := true
	for i, e := range both {
		var err error
		if states[i], err = stateOf(e); err != nil {
			return err
		}
		fresh = fresh && states[i].format == 0
	}
	there, err := ring.Exists(db.opts.Ring)
	if err != nil {
		return err
	}
	master, err := db.openMaster(fresh && !there)
	if err != nil {
		return err
	}
	for i, s := range states {
		if s.format == 1 && s.master != master.Fingerprint() {
			return fmt.Errorf("%w (%s wants %s, %s holds %s)", ErrWrongKey, both[i].name, s.master, db.opts.source(), master.Fingerprint())
		}
	}
	if db.ring, err = db.openRing(master, both, states, there); err != nil {
		return err
	}
	for i, e := range both {
		if err := db.join(e, states[i], master); err != nil {
			return err
		}
	}
	db.bindKeys = newKeyring(db, ring.Bindings, db.bind)
	db.cdrKeys = newKeyring(db, ring.Records, db.cdr)
	db.recordingKeys = newKeyring(db, ring.Recordings, db.cdr)
	return errors.Join(db.bindKeys.loadIndex(ring.BindingIndex), db.cdrKeys.loadIndex(ring.RecordIndex))
}

// openMaster loads the master key. One is made, in a file and on disk, only when nothing depends on an older one.
func (db *DB) openMaster(fresh bool) (seal.Master, error) {
	source := db.opts.source()
	if err := db.finishRotation(); err != nil {
		return seal.Master{}, err
	}
	m, err := source.Load()
	switch {
	case err == nil:
		return m, db.finishElsewhere(m, nil)
	case !errors.Is(err, fs.ErrNotExist):
		return m, err
	case !fresh && source.File == "":
		return m, db.finishElsewhere(m, fmt.Errorf("%w (%s)", ErrNoKey, source))
	case !fresh:
		return m, fmt.Errorf("%w (%s)", ErrNoKey, source)
	case source.File == "":
		return m, fmt.Errorf("store: %w; make one with `mask700 key make FILE` and keep a copy of it elsewhere", err)
	}
	if m, err = seal.NewMaster(rand.Reader); err != nil {
		return m, err
	}
	err = seal.CreateFile(source.File, m)
	if errors.Is(err, seal.ErrKeyExists) {
		return source.Load() // another store was made with the same key file in this moment
	}
	if err == nil {
		db.opts.Logger.Info("a master key was made; keep a copy of it elsewhere", "file", source.File, "mode", "0600", "ring", db.opts.Ring)
	}
	return m, err
}

// openRing opens the ring, or makes it: for a new store, and for one of format 1 with the keys that are its rows.
func (db *DB) openRing(master seal.Master, both []*engine, states []state, there bool) (*ring.Ring, error) {
	if there {
		r, err := ring.Open(db.opts.Ring, master)
		if errors.Is(err, ring.ErrMaster) {
			err = fmt.Errorf("%w: %w", ErrWrongKey, err)
		}
		return r, err
	}
	now := db.opts.Now()
	// Keys that new stores begin with; format 1 has them under the same numbers.
	keys := []ring.Plain{
		{Key: ring.Key{Use: ring.Bindings, ID: storeKey}}, {Key: ring.Key{Use: ring.BindingIndex, ID: uint32(firstIndexKey)}},
		{Key: ring.Key{Use: ring.RecordIndex, ID: uint32(firstIndexKey)}},
	}
	for i := range keys {
		keys[i].Cipher, keys[i].Made, keys[i].Bytes = db.opts.Cipher, now, seal.NewKey()
	}
	for i, e := range both {
		switch states[i].format {
		case 0:
			continue
		case 1:
		default:
			return nil, fmt.Errorf("%w (%s)", ErrNoRing, db.opts.Ring)
		}
		rows, err := oldKeys(e, master, now)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			keys = putKey(keys, row)
		}
	}
	if err := makeRingDir(db.opts.Ring); err != nil {
		return nil, err
	}
	return ring.Create(db.opts.Ring, ring.NewStore(), master, keys)
}

func putKey(keys []ring.Plain, k ring.Plain) []ring.Plain {
	for i := range keys {
		if keys[i].Use == k.Use && keys[i].ID == k.ID {
			keys[i] = k
			return keys
		}
	}
	return append(keys, k)
}

func makeRingDir(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store: make the directory of the keys: %w", err)
	}
	return nil
}

// join ties a database to the ring: a new one by writing down whose keys it has, an old one by taking its keys out.
func (db *DB) join(e *engine, s state, master seal.Master) error {
	switch s.format {
	case 0:
		return initialise(e, db.ring.Store())
	case 1:
		return db.migrate(e, master)
	}
	if s.store != db.ring.Store() {
		return fmt.Errorf("%w (%s is of the store %s, %s of %s)", ErrWrongRing, e.name, s.store, db.opts.Ring, db.ring.Store())
	}
	for _, u := range usesOf(e) {
		v, ok, err := get(e, metaLastKey(u))
		if err != nil {
			return err
		}
		if ok && len(v) != 4 {
			return fmt.Errorf("%w: last key of %s", ErrCorrupt, e.name)
		}
		if next := db.ring.Next(u); ok && binary.BigEndian.Uint32(v) >= next {
			return fmt.Errorf("%w (%s were made up to %d, it ends at %d)", ErrOldRing, u, binary.BigEndian.Uint32(v), next-1)
		}
	}
	if _, ok, err := get(e, keyText(tableMeta, metaPurge)); err != nil || !ok {
		return err
	}
	return purge(e) // a crash came between
}

// initialise makes e ready in one batch. A crash leaves all of it or none.
func initialise(e *engine, store string) error {
	b := e.NewBatch()
	defer b.Close()
	err := errors.Join(
		b.Set(keyText(tableMeta, metaDatabase), []byte(e.name), nil),
		b.Set(keyText(tableMeta, metaRing), []byte(store), nil),
		b.Set(keyText(tableMeta, metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion), nil),
		b.Commit(pebble.Sync))
	if err != nil {
		return fmt.Errorf("store: make %s: %w", e.name, err)
	}
	return nil
}

// Kinds of the rows of keys in format 1, in tableKeys.
const (
	oldKindData      = 'd'
	oldKindIndex     = 'i'
	oldKindRecording = 'r' // the id is the day, counted from 1970
)

// oldKeys unwraps the keys that are rows of a database of format 1.
func oldKeys(e *engine, master seal.Master, now time.Time) (keys []ring.Plain, err error) {
	use := map[byte]ring.Use{oldKindData: ring.Records, oldKindIndex: ring.RecordIndex, oldKindRecording: ring.Recordings}
	if e.name == "bind" {
		use = map[byte]ring.Use{oldKindData: ring.Bindings, oldKindIndex: ring.BindingIndex}
	}
	lower := []byte{tableKeys}
	err = scan(e, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		if len(key) != 6 || use[key[1]] == "" {
			return false, fmt.Errorf("%w: key row of %s", ErrCorrupt, e.name)
		}
		k := ring.Key{Use: use[key[1]], ID: binary.BigEndian.Uint32(key[2:]), Cipher: seal.AES256GCM, Made: now}
		plain, err := master.Unwrap(seal.AES256GCM, fmt.Sprintf("mask700 %s %c%d", e.name, key[1], k.ID), value)
		if err != nil {
			return false, fmt.Errorf("%w: key %c%d of %s", ErrCorrupt, key[1], k.ID, e.name)
		}
		if k.Use == ring.Recordings {
			k.Bucket = ring.Day.Of(time.Unix(int64(k.ID)*24*60*60, 0))
		}
		keys = append(keys, ring.Plain{Key: k, Bytes: plain})
		return true, nil
	})
	return keys, err
}

// migrate takes a database from format 1 to 2: its keys are in the ring, on disk, and leave its rows, and its files as
// well: tables are written anew, and the log is emptied. What the file system keeps of deleted files, and copies of the
// data that were made before, hold the wrapped keys still; another master key makes them worthless.
func (db *DB) migrate(e *engine, master seal.Master) error {
	old, err := oldKeys(e, master, db.opts.Now())
	if err != nil {
		return err
	}
	for _, k := range old {
		if _, plain, err := db.ring.Unwrap(k.Use, k.ID); err != nil || !bytes.Equal(plain, k.Bytes) {
			return fmt.Errorf("%w (%s)", ErrWrongRing, db.opts.Ring)
		}
	}
	b := e.NewBatch()
	defer b.Close()
	lower := []byte{tableKeys}
	err = errors.Join(
		b.DeleteRange(lower, keyAfter(lower), nil),
		b.Delete(keyText(tableMeta, metaMaster), nil),
		b.Set(keyText(tableMeta, metaRing), []byte(db.ring.Store()), nil),
		b.Set(keyText(tableMeta, metaPurge), nil, nil),
		b.Set(keyText(tableMeta, metaFormat), binary.BigEndian.AppendUint32(nil, 2), nil),
		b.Commit(pebble.Sync))
	if err != nil {
		return fmt.Errorf("store: format 2 of %s: %w", e.name, err)
	}
	db.opts.Logger.Info("the keys of a database were moved into the ring", "database", e.name, "keys", len(old), "ring", db.opts.Ring)
	return purge(e)
}

// purge writes the tables anew that held keys in format 1. Logs from before this start are deleted once their rows are in
// tables, and not used again.
func purge(e *engine) error {
	lower := []byte{tableKeys}
	err := e.Flush()
	if err == nil {
		err = e.Compact(context.Background(), lower, keyAfter(lower), false)
	}
	if err == nil {
		err = e.Delete(keyText(tableMeta, metaPurge), pebble.Sync)
	}
	if err != nil {
		return fmt.Errorf("store: take the keys of format 1 out of the files of %s: %w", e.name, err)
	}
	return nil
}
