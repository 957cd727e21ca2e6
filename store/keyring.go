package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/seal"
)

// formatVersion is of the rows of this package. A store of a later one is refused.
const formatVersion = 1

// Names in tableMeta.
const (
	metaFormat   = "format"   // u32
	metaDatabase = "database" // its directory's name, so that exchanged directories are noticed
	metaMaster   = "master"   // fingerprint of the master key
)

// Kinds in tableKeys.
const (
	kindData  = 'd'
	kindIndex = 'i'
)

// The one data key and the one version of the index key there are so far. Every row names its own.
const (
	firstDataKey  uint32 = 1
	firstIndexKey byte   = 1
)

// keyring holds the opened keys of one database.
type keyring struct {
	data  map[uint32]*seal.Box
	index *seal.Index
}

// box returns the data key that a row names.
func (k *keyring) box(id uint32) (*seal.Box, error) {
	b, ok := k.data[id]
	if !ok {
		return nil, fmt.Errorf("%w: it names data key %d, which is not there", ErrCorrupt, id)
	}
	return b, nil
}

// initialised reports whether e has been made ready before. A later format and a directory that belongs to another
// database are errors.
func initialised(e *engine) (bool, error) {
	v, ok, err := get(e, keyText(tableMeta, metaFormat))
	if err != nil || !ok {
		return false, err
	}
	if len(v) != 4 {
		return false, fmt.Errorf("%w: format of %s", ErrCorrupt, e.name)
	}
	if n := binary.BigEndian.Uint32(v); n > formatVersion {
		return false, fmt.Errorf("%w (%s: rows of format %d, this release writes %d)", ErrNewerFormat, e.name, n, formatVersion)
	}
	name, _, err := get(e, keyText(tableMeta, metaDatabase))
	if err != nil {
		return false, err
	}
	if string(name) != e.name {
		return false, fmt.Errorf("store: directory %s holds the database %q; put the directories back as they were", e.name, name)
	}
	return true, nil
}

// initialise makes e ready in one batch: format, keys, fingerprint. A crash leaves all of it or none.
func initialise(e *engine, master seal.Master) error {
	b := e.NewBatch()
	defer b.Close()
	var errs []error
	set := func(key, value []byte) { errs = append(errs, b.Set(key, value, nil)) }
	for kind, id := range map[byte]uint32{kindData: firstDataKey, kindIndex: uint32(firstIndexKey)} {
		wrapped, err := master.Wrap(purpose(e.name, kind, id), seal.NewKey())
		if err != nil {
			return err
		}
		set(keyWrapped(kind, id), wrapped)
	}
	set(keyText(tableMeta, metaDatabase), []byte(e.name))
	set(keyText(tableMeta, metaMaster), []byte(master.Fingerprint()))
	set(keyText(tableMeta, metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion))
	errs = append(errs, b.Commit(pebble.Sync))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("store: make %s: %w", e.name, err)
	}
	return nil
}

// checkMaster returns ErrWrongKey when e was made with another master key.
func checkMaster(e *engine, master seal.Master) error {
	want, ok, err := get(e, keyText(tableMeta, metaMaster))
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: fingerprint of the master key of %s", ErrCorrupt, e.name)
	}
	if string(want) != master.Fingerprint() {
		return fmt.Errorf("%w (%s wants %s, the file holds %s)", ErrWrongKey, e.name, want, master.Fingerprint())
	}
	return nil
}

// openKeyring unwraps the keys of e.
func openKeyring(e *engine, master seal.Master) (*keyring, error) {
	ring := &keyring{data: make(map[uint32]*seal.Box)}
	lower := []byte{tableKeys}
	err := scan(e, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		if len(key) != 6 {
			return false, fmt.Errorf("%w: key row of %s", ErrCorrupt, e.name)
		}
		kind, id := key[1], binary.BigEndian.Uint32(key[2:])
		if kind == kindRecording {
			return true, nil // opened when it is asked for
		}
		plain, err := master.Unwrap(purpose(e.name, kind, id), value)
		if err != nil {
			return false, fmt.Errorf("%w: key %c%d of %s", ErrCorrupt, kind, id, e.name)
		}
		switch kind {
		case kindData:
			ring.data[id], err = seal.NewBox(plain)
		case kindIndex:
			ring.index, err = seal.NewIndex(byte(id), plain)
		}
		return true, err
	})
	if err != nil {
		return nil, err
	}
	if ring.data[firstDataKey] == nil || ring.index == nil {
		return nil, fmt.Errorf("%w: keys of %s are missing", ErrCorrupt, e.name)
	}
	return ring, nil
}

// purpose ties a wrapped key to its row and database.
func purpose(database string, kind byte, id uint32) string {
	return fmt.Sprintf("mask700 %s %c%d", database, kind, id)
}

// openMaster reads the key file. It makes one only when no row depends on an older one, and the new file is on disk
// before it returns.
func openMaster(path string, fresh bool) (seal.Master, error) {
	m, err := seal.LoadFile(path)
	switch {
	case err == nil:
		return m, nil
	case !errors.Is(err, fs.ErrNotExist):
		return seal.Master{}, err
	case !fresh:
		return seal.Master{}, fmt.Errorf("%w (%s)", ErrNoKey, path)
	}
	if m, err = seal.NewMaster(rand.Reader); err != nil {
		return seal.Master{}, err
	}
	err = seal.CreateFile(path, m)
	if errors.Is(err, seal.ErrKeyExists) {
		return seal.LoadFile(path) // another store was made with the same key file in this moment
	}
	return m, err
}
