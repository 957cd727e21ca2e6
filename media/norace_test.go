//go:build !race

package media

const raceEnabled = false

// leakCalls is enough for a leak of a byte a call to be seen.
const leakCalls = 1_000_000
