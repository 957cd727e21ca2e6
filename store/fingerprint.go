package store

// domainFingerprint is that of the hashes of which the key of fingerprints is made.
const domainFingerprint = 'f'

// FingerprintKey is a key for words that stand for numbers outside of the store (binding.Fingerprints). It is derived from the
// key of the index, is the same for the life of the store, and is in no file.
func (db *DB) FingerprintKey() (key [16]byte) {
	first := db.bindKeys.index.Hash(domainFingerprint, "1")
	second := db.bindKeys.index.Hash(domainFingerprint, "2")
	copy(key[copy(key[:], first[1:]):], second[1:])
	return key
}
