// Package cdr is the call record.
package cdr
