//go:build leaky

package shard

// Blind lets every message pass unsearched, for tests that want to find by other means
// what the call has been made to leak. Tests may set it while no shard runs.
var Blind bool
