package store

import "github.com/cockroachdb/pebble/v2"

// comparerName is kept in every database. It changes when keys sort or split in another way.
const comparerName = "mask700.1"

// newComparer sorts keys as bytes and tells Pebble which part of them its Bloom filters are to know.
func newComparer() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = comparerName
	c.Split = splitKey
	return &c
}
