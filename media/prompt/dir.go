package prompt

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// FileError says which file of the operator's cannot be used, and why.
type FileError struct {
	File string
	Why  string
	Err  error // the error beneath, nil: none
}

// Error is the file and the reason.
func (e *FileError) Error() string { return e.File + ": " + e.Why }

// Unwrap returns the error beneath.
func (e *FileError) Unwrap() error { return e.Err }

// maxFile is the largest file that is read, bytes: a minute of 16 bit samples, and
// room for what else a WAV file may hold.
const maxFile = 1 << 20

// readDir reads the operator's own files, by "zh/not-in-service". There is at most
// one G.711 file for each, .wav, .al or .ul, and with or without it one .g722.
func readDir(dir string) (map[string]audio, error) {
	own := map[string]audio{}
	if dir == "" {
		return own, nil
	}
	if _, err := os.ReadDir(dir); err != nil {
		return nil, &FileError{dir, "the directory cannot be read", err}
	}
	for _, folder := range []string{Chinese, English, toneFolder} {
		known := announcements
		if folder == toneFolder {
			known = tones
		}
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, &FileError{filepath.Join(dir, folder), "the directory cannot be read", err}
		}
		for _, e := range entries {
			name := filepath.Join(dir, folder, e.Name())
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			extension := filepath.Ext(e.Name())
			id := ID(strings.TrimSuffix(e.Name(), extension))
			if !slices.Contains(known, id) {
				return nil, &FileError{File: name, Why: "there is no such prompt; known here: " + list(known)}
			}
			key := folder + "/" + string(id)
			if own[key], err = add(own[key], name, extension); err != nil {
				return nil, err
			}
		}
	}
	return own, nil
}

func list(ids []ID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	return strings.Join(names, ", ")
}

// add reads one more file of an announcement.
func add(a audio, name, extension string) (audio, error) {
	b, err := read(name)
	if err != nil {
		return a, err
	}
	var part audio
	switch extension {
	case ".wav":
		if part, err = parseWAV(b); err != nil {
			return a, &FileError{name, err.Error(), err}
		}
	case ".al":
		part[pcma], part[pcmu] = b, recode(b, &toMu)
	case ".ul":
		part[pcma], part[pcmu] = recode(b, &toA), b
	case ".g722":
		part[g722] = b
	default:
		return a, &FileError{File: name, Why: "write .wav, .al, .ul or .g722"}
	}
	part = part.whole()
	for i := range part {
		switch {
		case part[i] == nil:
			continue
		case a[i] != nil:
			return a, &FileError{File: name, Why: "another file has the same prompt; keep one"}
		case len(part[i]) == 0:
			return a, &FileError{File: name, Why: "there is no audio in it"}
		case time.Duration(len(part[i])/frameSize)*frameTime > MaxLength:
			return a, &FileError{File: name, Why: fmt.Sprintf("longer than %d s", MaxLength/time.Second)}
		}
		a[i] = part[i]
	}
	return a, nil
}

// read reads a plain file of bounded size.
func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, &FileError{name, "cannot be read", err}
	case !info.Mode().IsRegular():
		return nil, &FileError{File: name, Why: "not a plain file"}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, &FileError{name, "cannot be read", err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &FileError{name, "cannot be read", err}
	}
	if len(b) > maxFile {
		return nil, &FileError{File: name, Why: "larger than 1 MiB"}
	}
	return b, nil
}
