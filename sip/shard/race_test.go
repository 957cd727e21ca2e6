//go:build race

package shard_test

// defaultRuns is what the race detector has time for: it makes everything some
// ten times slower, and there is one goroutine in a run.
const defaultRuns = 1600

// canaryEvery and canaryManners: a part of the flows with marks, in one manner; make
// interleave plays them all.
const canaryEvery = 16

var canaryManners = []manner{plainly}

// grownCalls are how many random calls are grown from the grammar.
const grownCalls = 30
