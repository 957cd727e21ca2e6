package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mask700/store/ring"
	"mask700/store/seal"
)

// RotateKeys has every tenant's rows from now on sealed under new data keys. Those there are open what they sealed.
func (db *DB) RotateKeys(ctx context.Context) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	if err := db.ring.Retire(db.opts.Now()); err != nil {
		return err
	}
	for _, k := range db.keyrings() {
		k.withGate(k.reset)
	}
	return nil
}

func (db *DB) keyrings() []*keyring { return []*keyring{db.bindKeys, db.cdrKeys, db.recordingKeys} }

// nextSuffix is of the file in which a new master key waits for its turn.
const nextSuffix = ".next"

// next is that file: beside the key file, or beside the ring where the key is not ours to put in place.
func (o *Options) next() (string, error) {
	if o.KeyFile == "" {
		return o.Ring + nextSuffix, nil
	}
	path, err := realKeyFile(o.KeyFile)
	return path + nextSuffix, err
}

// realKeyFile follows links, so that a new key replaces the file and not the link to it.
func realKeyFile(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return real, err
}

// NewMaster is the master key after a rotation.
type NewMaster struct {
	Fingerprint string
	File        string // where it is
	// Put is the place into which the operator has to put it before the next start, such as "the environment variable NAME";
	// empty: it is in its place.
	Put string
}

// RotateMaster draws a master key and wraps all keys under it. The old one is refused from then on. Where the master key
// is a file, the new one takes its place. Where it is not, the file that is named has it, for the operator to put where
// the old one was before the next start, which deletes the file.
//
//  1. the new key is in a file beside the old one
//  2. the ring is wrapped under it        (until here the old key holds, from here on the new one)
//  3. the new file takes the old one's place
//
// A crash between leaves both files, and the ring says at the next start which of them is right.
func (db *DB) RotateMaster(ctx context.Context) (NewMaster, error) {
	if err := db.enter(ctx); err != nil {
		return NewMaster{}, err
	}
	defer db.leave()
	db.rotation.Lock()
	defer db.rotation.Unlock()
	next, err := db.opts.next()
	if err != nil {
		return NewMaster{}, fmt.Errorf("store: the key file: %w", err)
	}
	m, err := seal.NewMaster(rand.Reader)
	if err != nil {
		return NewMaster{}, err
	}
	if err := db.clearNext(next); err != nil {
		return NewMaster{}, err
	}
	if err := seal.CreateFile(next, m); err != nil {
		return NewMaster{}, err
	}
	if err := db.ring.Rewrap(m); err != nil {
		if db.ring.Master() != m.Fingerprint() {
			err = errors.Join(err, os.Remove(next))
		}
		return NewMaster{}, fmt.Errorf("store: wrap the keys anew: %w", err)
	}
	if db.opts.KeyFile == "" {
		return NewMaster{Fingerprint: m.Fingerprint(), File: next, Put: db.opts.source().String()}, nil
	}
	return NewMaster{Fingerprint: m.Fingerprint(), File: db.opts.KeyFile}, db.putInPlace(next)
}

// clearNext removes a new key that was never used. One that the ring is wrapped under is not: no other file may have it.
func (db *DB) clearNext(next string) error {
	switch m, err := seal.LoadFile(next); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && m.Fingerprint() == db.ring.Master():
		return fmt.Errorf("%w (it stands in %s, its place is %s)", ErrKeyWaits, next, db.opts.source())
	}
	return os.Remove(next)
}

// putInPlace moves the new key over the old one, which is overwritten.
func (db *DB) putInPlace(next string) error {
	path, err := realKeyFile(db.opts.KeyFile)
	if err != nil {
		return fmt.Errorf("store: the key file: %w", err)
	}
	if err := seal.ReplaceFile(next, path); err != nil {
		return fmt.Errorf("store: the new master key is in use and stands in %s: %w", next, err)
	}
	return nil
}

// finishRotation ends what a crash left of a rotation of the master key: a new key that the ring is wrapped under takes
// its place, one that it is not wrapped under is removed.
func (db *DB) finishRotation() error {
	if db.opts.KeyFile == "" {
		return nil
	}
	next, err := db.opts.next()
	if err != nil {
		return fmt.Errorf("store: the key file: %w", err)
	}
	m, err := seal.LoadFile(next)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	master, err := ring.MasterOf(db.opts.Ring)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // that it is missing is said elsewhere
	case err != nil:
		return err
	}
	if master == m.Fingerprint() {
		return db.putInPlace(next)
	}
	return os.Remove(next)
}

// finishElsewhere is finishRotation where the master key is not in a file of ours. Once the operator has put the new one in
// its place, m is it, and the file that had it is overwritten and removed. Until then the error says what is to be done;
// missing is that of a place where no key was found.
func (db *DB) finishElsewhere(m seal.Master, missing error) error {
	if db.opts.KeyFile != "" {
		return missing
	}
	next, err := db.opts.next()
	if err != nil {
		return fmt.Errorf("store: the key file: %w", err)
	}
	waiting, err := seal.LoadFile(next)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing
	case err != nil:
		return err
	}
	master, err := ring.MasterOf(db.opts.Ring)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing // that the ring is missing is said elsewhere
	case err != nil:
		return err
	case master != waiting.Fingerprint(): // it was never used
		return errors.Join(missing, seal.RemoveFile(next))
	case missing != nil || m.Fingerprint() != master:
		return fmt.Errorf("%w (it stands in %s, its place is %s)", ErrKeyWaits, next, db.opts.source())
	}
	if err := seal.RemoveFile(next); err != nil {
		return err
	}
	db.opts.Logger.Info("the new master key is in its place; the file that had it is removed", "key", m.Fingerprint(), "file", next)
	return nil
}
