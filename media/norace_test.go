//go:build !race

package media

const raceEnabled = false

// leakCalls is enough for a leak of a byte a call to be seen.
const leakCalls = 1_000_000

// socketLeakCalls is enough for a leak of one file a hundred calls to be seen.
const socketLeakCalls = 1_000
