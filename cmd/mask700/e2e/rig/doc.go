// Package rig starts the real mask700 binary, SIPp and other programs for the end-to-end tests and the benchmark,
// each on loopback addresses of its own, and ends them by their process.
package rig
