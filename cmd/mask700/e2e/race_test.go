//go:build race

package e2e

// raceEnabled: the program under test is built with the race detector when the tests are.
const raceEnabled = true
