//go:build !race

package shard_test

// defaultRuns is what plays a million steps in half a minute of two cores.
const defaultRuns = 8400

// canaryEvery: every how many flows are played with marks; canaryManners: how.
const canaryEvery = 1

var canaryManners = []manner{plainly, amongParts, disguised}

// grownCalls are how many random calls are grown from the grammar.
const grownCalls = 200
