package ring

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"mask700/store/seal"
)

// Ring is an open file of keys and the master key that wraps them. Its methods may be called from many goroutines; those
// that write wait for the disk, one after the other.
type Ring struct {
	path string

	write sync.Mutex // held while the file is changed; protects what follows
	file  *os.File
	size  int64
	fault error // after it nothing is written any more: what is on disk is not certain

	mu     sync.RWMutex // protects what follows; never held while anything waits
	master seal.Master
	now    *contents
}

// NewStore draws the name by which a ring and its store know each other.
func NewStore() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Plain is a key with its bytes.
type Plain struct {
	Key
	Bytes []byte
}

// Create makes a ring for a store with the keys that it has so far. Nothing is written over: fs.ErrExist.
func Create(path, store string, m seal.Master, keys []Plain) (*Ring, error) {
	c := newContents(store, m.Fingerprint())
	for _, p := range keys {
		if err := c.wrap(m, &p.Key, p.Bytes); err != nil {
			return nil, err
		}
		c.put(p.Key)
	}
	text := c.text()
	f, err := writeBeside(path, text)
	if err != nil {
		return nil, err
	}
	// A link, unlike a rename, never replaces.
	if err := errors.Join(os.Link(f.Name(), path), os.Remove(f.Name())); err != nil {
		return nil, fmt.Errorf("ring: %w", errors.Join(err, f.Close()))
	}
	if err := syncDir(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Ring{path: path, file: f, size: int64(len(text)), master: m, now: c}, nil
}

// Open opens the ring at path. fs.ErrNotExist when there is none; ErrMaster for another master key; ErrInUse, ErrDamaged,
// ErrNewer, seal.ErrKeyExposed, or the system's.
func Open(path string, m seal.Master) (*Ring, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	r := &Ring{path: path, file: f, master: m}
	if err := r.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// load reads the file, and cuts off what a crash left of a line.
func (r *Ring) load() error {
	text, err := readAll(r.file)
	if err != nil {
		return err
	}
	c, whole, err := parse(text)
	if err != nil {
		return fmt.Errorf("%w: %s", err, r.path)
	}
	if c.master != r.master.Fingerprint() {
		return fmt.Errorf("%w (%s wants %s, this is %s)", ErrMaster, r.path, c.master, r.master.Fingerprint())
	}
	if whole < len(text) {
		if err := errors.Join(r.file.Truncate(int64(whole)), r.file.Sync()); err != nil {
			return fmt.Errorf("ring: %w", err)
		}
	}
	r.now, r.size = c, int64(whole)
	return nil
}

// Exists reports whether there is a ring at path.
func Exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ring: %w", err)
	}
	return true, nil
}

// MasterOf is the fingerprint of the master key that the ring at path is wrapped under.
func MasterOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("ring: %w", err)
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return "", err
	}
	c, _, err := parse(text)
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, path)
	}
	return c.master, nil
}

// Close lets the file go.
func (r *Ring) Close() error {
	r.write.Lock()
	defer r.write.Unlock()
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file, r.fault = nil, fs.ErrClosed
	return err
}

// Store is the name of the store that the keys are of.
func (r *Ring) Store() string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.store
}

// Master is the fingerprint of the master key.
func (r *Ring) Master() string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.master
}

// Next is the number that the next key of a use gets; all that there are and were have lower ones.
func (r *Ring) Next(u Use) uint32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.next[u]
}

// Keys lists the keys, destroyed ones too, by use and number.
func (r *Ring) Keys() []Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]Key, 0, len(r.now.keys))
	for _, k := range r.now.sorted() {
		k := *k
		k.wrapped = nil
		out = append(out, k)
	}
	return out
}

// Unwrap gives a key and its bytes. Errors: ErrNone, ErrDestroyed, ErrDamaged.
func (r *Ring) Unwrap(u Use, n uint32) (Key, []byte, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k := r.now.keys[id{u, n}]
	switch {
	case k == nil:
		return Key{}, nil, ErrNone
	case !k.Destroyed.IsZero():
		return *k, nil, ErrDestroyed
	}
	plain, err := r.now.unwrap(r.master, k)
	return *k, plain, err
}

// Make draws a key and gives it the next number of its use. It is on disk when it is returned.
func (r *Ring) Make(k Key, now time.Time) (Key, []byte, error) {
	r.write.Lock()
	defer r.write.Unlock()
	if r.fault != nil {
		return Key{}, nil, r.fault
	}
	plain := seal.NewKey()
	r.mu.RLock()
	k.ID, k.Made = r.now.next[k.Use], now.Truncate(time.Second).UTC()
	err := r.now.wrap(r.master, &k, plain)
	r.mu.RUnlock()
	if err != nil {
		return Key{}, nil, err
	}
	if k.ID == 1<<32-1 {
		return Key{}, nil, errors.New("ring: no number is left for a key")
	}
	if err := r.addLine(k.append(nil)); err != nil {
		return Key{}, nil, err
	}
	r.mu.Lock()
	r.now.put(k)
	r.mu.Unlock()
	return k, plain, nil
}

// Retire has no key of rows seal new ones any more.
func (r *Ring) Retire(now time.Time) error {
	r.write.Lock()
	defer r.write.Unlock()
	if r.fault != nil {
		return r.fault
	}
	if err := r.addLine(appendRetire(nil, now)); err != nil {
		return err
	}
	r.mu.Lock()
	r.now.retire()
	r.mu.Unlock()
	return nil
}

// addLine puts a line behind the others, on disk.
func (r *Ring) addLine(line []byte) error {
	_, err := r.file.WriteAt(line, r.size)
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		// What is there of it is cut off. Where even that fails, another line behind it would look like damage.
		if terr := errors.Join(r.file.Truncate(r.size), r.file.Sync()); terr != nil {
			r.fault = fmt.Errorf("ring: the file of keys cannot be written: %w", errors.Join(err, terr))
		}
		return fmt.Errorf("ring: %w", err)
	}
	r.size += int64(len(line))
	return nil
}
