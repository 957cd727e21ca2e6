package store

import (
	"encoding/binary"
	"errors"
	"strconv"

	"mask700/binding"
	"mask700/store/seal"
)

// This file is the only one of the package that sees a real number: as the integer that goes into a value to be
// sealed, and as the text that is hashed.

// numberHash is by what a real number is found.
func (db *DB) numberHash(n binding.Number) seal.Hash {
	return db.bindKeys.index.Hash(domainNumber, n.Digits())
}

// contactHash is by what it is found that a real number dialled a 700 number. It cannot be told to be that of the number in
// other tables.
func (db *DB) contactHash(n binding.Number) seal.Hash {
	return db.bindKeys.index.Hash(domainContact, n.Digits())
}

// barHash is by what the entries of a number on block lists are found. It is another than numberHash, so that the files do
// not tell which bindings are those of somebody who is on one.
func (db *DB) barHash(n binding.Number) seal.Hash {
	return db.bindKeys.index.Hash(domainBar, n.Digits())
}

// appendNumber writes a real number, for a value that is going to be sealed.
func appendNumber(b []byte, n binding.Number) ([]byte, error) {
	v, err := secret(n)
	if err != nil {
		return nil, err
	}
	return binary.AppendUvarint(b, v), nil
}

// secret is the value of a real number, 0 for none. Canonical digits begin with no zero, so that nothing is lost.
func secret(n binding.Number) (uint64, error) {
	if n.IsZero() {
		return 0, nil
	}
	v, err := strconv.ParseUint(n.Digits(), 10, 64)
	if err != nil {
		return 0, errNumber // never err itself, which repeats the digits
	}
	return v, nil
}

var errNumber = errors.New("a number that is not all digits")

func numberOf(v uint64) (binding.Number, error) {
	if v == 0 {
		return binding.Number{}, nil
	}
	n, err := binding.NumberFromDigits(strconv.FormatUint(v, 10))
	if err != nil {
		return binding.Number{}, errNumber
	}
	return n, nil
}
