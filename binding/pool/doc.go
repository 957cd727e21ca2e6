// Package pool knows which numbers of a block are in use until when, and in
// what order free ones are handed out. It is pure: times are handed in, and
// what has to be written down is handed out.
package pool
