package ring

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"mask700/store/seal"
)

// Destroy destroys the keys that are chosen: their bytes are gone from the file when it returns, and how many there
// were. That they were there stays, for rows that name them.
func (r *Ring) Destroy(chosen func(Key) bool, now time.Time) (int, error) {
	return r.remove(chosen, func(c *contents, k *Key) {
		k.wrapped, k.Retired, k.Destroyed = nil, true, now.Truncate(time.Second).UTC()
	})
}

// Print is the SHA-256 of a key as it stands in the file, by which it can be told which key was destroyed; empty for one that
// is not there.
func (r *Ring) Print(u Use, n uint32) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k := r.now.keys[id{u, n}]
	if k == nil || !k.Destroyed.IsZero() {
		return ""
	}
	sum := sha256.Sum256(k.wrapped)
	return hex.EncodeToString(sum[:])
}

// Drop destroys keys that nothing will ask for again, and forgets that they were there.
func (r *Ring) Drop(chosen func(Key) bool) (int, error) {
	return r.remove(chosen, func(c *contents, k *Key) { delete(c.keys, id{k.Use, k.ID}) })
}

func (r *Ring) remove(chosen func(Key) bool, each func(*contents, *Key)) (int, error) {
	n := 0
	err := r.change(func(c *contents) (bool, error) {
		for _, k := range c.sorted() {
			if k.Destroyed.IsZero() && chosen(*k) {
				each(c, k)
				n++
			}
		}
		return n > 0, nil
	}, nil)
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Rewrap wraps every key under another master key. Until it returns without an error all stand under the old one, after
// it under the new one alone.
func (r *Ring) Rewrap(to seal.Master) error {
	return r.change(func(c *contents) (bool, error) {
		for _, k := range c.keys {
			if !k.Destroyed.IsZero() {
				continue
			}
			plain, err := c.unwrap(r.master, k)
			if err != nil {
				return false, err
			}
			if err := c.wrap(to, k, plain); err != nil {
				return false, err
			}
		}
		c.master = to.Fingerprint()
		return true, nil
	}, &to)
}

// change writes the file anew as f changes it; nothing is written when f says so. The old file is overwritten.
func (r *Ring) change(f func(*contents) (bool, error), master *seal.Master) error {
	r.write.Lock()
	defer r.write.Unlock()
	return r.changeLocked(f, master)
}

// changeLocked is change for who holds write.
func (r *Ring) changeLocked(f func(*contents) (bool, error), master *seal.Master) error {
	if r.fault != nil {
		return r.fault
	}
	r.mu.RLock()
	next := r.now.clone()
	r.mu.RUnlock()
	if changed, err := f(next); err != nil || !changed {
		return err
	}
	text := next.text()
	file, err := writeBeside(r.path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(file.Name(), r.path); err != nil {
		return fmt.Errorf("ring: %w", errors.Join(err, file.Close(), os.Remove(file.Name())))
	}
	old, size := r.file, r.size
	r.file, r.size = file, int64(len(text))
	r.mu.Lock()
	r.now = next
	if master != nil {
		r.master = *master
	}
	r.mu.Unlock()
	// Were the old one wiped before the move is on disk, a power cut could bring back the name of an empty file.
	if err := syncDir(r.path); err != nil {
		return fmt.Errorf("ring: the file of keys was written anew, and it is not certain that this is on disk: %w", errors.Join(err, old.Close()))
	}
	if err := wipe(old, size); err != nil {
		return fmt.Errorf("ring: the file of keys was written anew, and what was there before is not overwritten: %w", err)
	}
	return nil
}
