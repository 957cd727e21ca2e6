package archive

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// syncFiles syncs every file that was written since the last time, and the directories of new ones.
func (w *writer) syncFiles() {
	if len(w.unsynced) >= manyFiles {
		if err := syncFileSystem(w.options.Dir); err == nil {
			for _, r := range w.unsynced {
				r.disk.dirty = false
			}
			clear(w.directory)
			return
		} else {
			w.trouble(err)
		}
	}
	clear(w.directory)
	for _, r := range w.unsynced {
		d := &r.disk
		if err := d.file.Sync(); err != nil {
			w.trouble(err)
			continue
		}
		d.dirty = false
		if !d.entered {
			w.directory[filepath.Dir(d.path)] = true
		}
	}
	for dir := range w.directory {
		if err := syncDir(dir); err != nil {
			w.trouble(err)
			continue
		}
		for _, r := range w.unsynced {
			r.disk.entered = r.disk.entered || filepath.Dir(r.disk.path) == dir
		}
	}
}

// syncFileSystem syncs all of the file system that a directory is on (syncfs).
func syncFileSystem(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}
