//go:build race

package sentinel

// defaultCalls is little: there is nothing in it for the race detector to see.
const defaultCalls = 4_000
