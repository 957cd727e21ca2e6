// Package seal keeps subscriber numbers unreadable on disk: the master key and where it comes from, the keys wrapped
// under it, sealed values (AES-256-GCM or SM4-GCM) and the keyed hash by which a sealed value is found again
// (HMAC-SHA-256 or HMAC-SM3).
//
// It knows nothing of rows or engines. AES and SHA-256 are the standard library's, SM4 and SM3 those of
// github.com/emmansun/gmsm, which recordings use as well.
package seal

import "errors"

// KeySize is the length in bytes of every key of this package.
const KeySize = 32

var (
	// ErrOpen says that a sealed value did not open: another key, another place, or damaged bytes.
	ErrOpen = errors.New("seal: value does not open with this key at this place")
	// ErrKeySize says that a key is not KeySize bytes long.
	ErrKeySize = errors.New("seal: key is not 32 bytes long")
	// ErrKeyText says that a key file's text is not one master key.
	ErrKeyText = errors.New("seal: not a master key: expected one line \"mask700-master-1 HEX64 HEX8\"")
	// ErrKeyTyped says that the check digits of a key file's text do not belong to its key: a copying fault.
	ErrKeyTyped = errors.New("seal: the master key's check digits do not match: it was copied wrongly")
	// ErrKeyExposed says that others than the owner and his group can read the key file, or that the group can write it.
	ErrKeyExposed = errors.New("seal: key file is open to other users")
	// ErrKeyExists says that a key file was to be made where there is a file already.
	ErrKeyExists = errors.New("seal: key file exists already")
)
