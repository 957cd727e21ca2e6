package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Source is where the master key comes from: exactly one of the three.
type Source struct {
	File       string // path of a key file
	Env        string // name of an environment variable that holds the text of one; removed when it was read
	Credential string // name of a systemd credential: a key file in $CREDENTIALS_DIRECTORY
}

// credentialsDirectory is where systemd says that a unit's credentials are (systemd.exec(5)).
const credentialsDirectory = "CREDENTIALS_DIRECTORY"

// ErrNoMaster says that there is no master key where the source points. It wraps fs.ErrNotExist.
var ErrNoMaster = fmt.Errorf("seal: no master key there: %w", fs.ErrNotExist)

// errSource is of a source that is none or several.
var errSource = errors.New("seal: the master key comes from exactly one of a file, an environment variable and a credential")

// String says where, for people.
func (s Source) String() string {
	switch {
	case s.Env != "":
		return "the environment variable " + s.Env
	case s.Credential != "":
		return "the systemd credential " + s.Credential
	}
	return s.File
}

// Check returns an error unless exactly one place is named.
func (s Source) Check() error {
	n := 0
	for _, where := range []string{s.File, s.Env, s.Credential} {
		if where != "" {
			n++
		}
	}
	if n != 1 {
		return errSource
	}
	return nil
}

// Load reads the master key. ErrNoMaster when there is none; the other errors are those of LoadFile and ParseMaster.
// A variable is gone from the environment of this process and of those it starts once it was read: it can be loaded
// once.
func (s Source) Load() (Master, error) {
	if err := s.Check(); err != nil {
		return Master{}, err
	}
	switch {
	case s.Env != "":
		return loadEnv(s.Env)
	case s.Credential != "":
		dir := os.Getenv(credentialsDirectory)
		if dir == "" || filepath.Base(s.Credential) != s.Credential {
			return Master{}, fmt.Errorf("%w (%s: $%s is not set; name the credential in the unit with LoadCredential= or LoadCredentialEncrypted=)",
				ErrNoMaster, s, credentialsDirectory)
		}
		return loadPath(filepath.Join(dir, s.Credential), s)
	}
	return loadPath(s.File, s)
}

func loadPath(path string, s Source) (Master, error) {
	m, err := LoadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Master{}, fmt.Errorf("%w (%s)", ErrNoMaster, s)
	}
	return m, err
}

// loadEnv reads a variable and removes it, whatever it holds.
func loadEnv(name string) (Master, error) {
	text, ok := os.LookupEnv(name)
	if !ok || text == "" {
		return Master{}, fmt.Errorf("%w (the environment variable %s is not set)", ErrNoMaster, name)
	}
	m, err := ParseMaster([]byte(text))
	if err != nil {
		err = fmt.Errorf("%w (the environment variable %s)", err, name)
	}
	if uerr := forgetEnv(name); uerr != nil {
		return Master{}, errors.Join(err, uerr)
	}
	return m, err
}
