package admin

import (
	"fmt"
	"io"
	"log/slog"
)

// Requests carry numbers as somebody has written them, in JSON too, which is how they reach the server. Printed and logged they say what
// they are and nothing else.

func (BindingQuery) masked() string   { return "search for bindings" }
func (BarQuery) masked() string       { return "search for entries of block lists" }
func (Question) masked() string       { return "question what would become of a call" }
func (HistoryRequest) masked() string { return "question who held what" }
func (EraseRequest) masked() string   { return "request to erase a person" }

// Format implements [fmt.Formatter], masked under every verb; so do those below.
func (q BindingQuery) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, q.masked()) }

// LogValue implements [slog.LogValuer], masked; so do those below.
func (q BindingQuery) LogValue() slog.Value { return slog.StringValue(q.masked()) }

// Format is as BindingQuery's.
func (q BarQuery) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, q.masked()) }

// LogValue is as BindingQuery's.
func (q BarQuery) LogValue() slog.Value { return slog.StringValue(q.masked()) }

// Format is as BindingQuery's.
func (q Question) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, q.masked()) }

// LogValue is as BindingQuery's.
func (q Question) LogValue() slog.Value { return slog.StringValue(q.masked()) }

// Format is as BindingQuery's.
func (r HistoryRequest) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.masked()) }

// LogValue is as BindingQuery's.
func (r HistoryRequest) LogValue() slog.Value { return slog.StringValue(r.masked()) }

// Format is as BindingQuery's.
func (r EraseRequest) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.masked()) }

// LogValue is as BindingQuery's.
func (r EraseRequest) LogValue() slog.Value { return slog.StringValue(r.masked()) }
