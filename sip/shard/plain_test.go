//go:build !race

package shard_test

// defaultRuns is what plays a million steps in half a minute of two cores.
const defaultRuns = 10500
