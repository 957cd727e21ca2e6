//go:build !leaky

package shard

// Blind is for tests under the build tag leaky: see blind_on.go.
const Blind = false
