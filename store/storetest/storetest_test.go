package storetest_test

import (
	"testing"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/cdr/cdrtest"
	"mask700/store/storetest"
)

// The engines in memory, by which the other rooms are tested, make the same promises.
func TestEnginesInMemory(t *testing.T) {
	storetest.Bindings(t, func(*testing.T) binding.Store { return new(bindingtest.Store) })
	storetest.Records(t, func(*testing.T) (cdr.Journal, cdr.Reader) {
		j := new(cdrtest.Journal)
		return j, j
	})
}
