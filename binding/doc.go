// Package binding is the domain: numbers, blocks, bindings and edges.
package binding
