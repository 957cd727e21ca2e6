//go:build race

package media

// raceEnabled: the race detector makes pools forget at random what they hold, so that allocations cannot be counted.
const raceEnabled = true

// leakCalls is what the race detector has time for.
const leakCalls = 50_000

// socketLeakCalls is enough for a leak of one file a hundred calls to be seen.
const socketLeakCalls = 400
