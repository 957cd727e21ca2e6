package store

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// A manifest lists the tables of a database with the least and the greatest key of each, and of those too that are deleted since
// it was begun. A key may have the keyed hash of a number: who has the index key as well can try numbers against it.

const manifestStart = "MANIFEST-"

// manifestMarker begins the name of the file that says which manifest counts: with a number that grows, and its name, behind it.
const manifestMarker = "marker.manifest."

// metaManifest in tableMeta is written to have a table made, which is an entry of the manifest. Its value says nothing.
const metaManifest = "manifest"

// manifest is the name of the manifest that counts, and others are those of the rest.
func (e *engine) manifest() (counts string, others []string, err error) {
	all, err := e.fs.List(e.dir)
	if err != nil {
		return "", nil, fmt.Errorf("store: %w", err)
	}
	latest := ""
	for _, name := range all {
		if strings.HasPrefix(name, manifestStart) {
			others = append(others, name)
		}
		rest, ok := strings.CutPrefix(name, manifestMarker)
		if number, of, _ := strings.Cut(rest, "."); ok && (len(number) > len(latest) || len(number) == len(latest) && number > latest) {
			latest, counts = number, of
		}
	}
	i := slices.Index(others, counts)
	if i < 0 {
		return "", nil, fmt.Errorf("%w: no manifest of %s counts", ErrCorrupt, e.name)
	}
	return counts, slices.Delete(others, i, i+1), nil
}

// newManifest has a manifest begun that knows none but the tables there are now, and deletes those of before. The library begins
// one when the entries since the last are more than the tables there are, and keeps the one before, which nothing reads
// any more: tables of one row are made until that is so.
func (e *engine) newManifest(ctx context.Context, db *DB) error {
	before, _, err := e.manifest()
	if err != nil {
		return err
	}
	counts, others := before, []string(nil)
	for n := byte(0); counts == before; n++ {
		if err := db.ending(ctx); err != nil {
			return err
		}
		err := e.Set(keyText(tableMeta, metaManifest), []byte{n}, pebble.Sync)
		if err == nil {
			err = e.Flush()
		}
		if err != nil {
			return fmt.Errorf("store: a new manifest is not begun: %w", err)
		}
		if counts, others, err = e.manifest(); err != nil {
			return err
		}
	}
	// What counts must be on disk before the others go.
	if err := e.syncDir(); err != nil {
		return err
	}
	for _, name := range others {
		if name > counts && len(name) >= len(counts) {
			continue // it is being begun
		}
		if err := e.fs.Remove(e.fs.PathJoin(e.dir, name)); err != nil && !errors.Is(err, iofs.ErrNotExist) {
			return fmt.Errorf("store: the manifest of before is not deleted: %w", err)
		}
	}
	return e.syncDir()
}

func (e *engine) syncDir() error {
	d, err := e.fs.OpenDir(e.dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
