// Package rig starts the real mask700 binary, SIPp and other programs for the end-to-end tests and the benchmark,
// each on loopback addresses or in network namespaces of its own, and ends them by their process.
package rig
