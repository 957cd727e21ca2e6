//go:build !race

package sentinel

// defaultCalls takes a second or two; make interleave has it search more, make million a million.
const defaultCalls = 50_000
