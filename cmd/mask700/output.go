package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// outputOptions say how an answer is printed.
type outputOptions struct {
	format string
	wider  bool // there is a table with more columns
}

func (o *outputOptions) addFlags(fs *pflag.FlagSet) {
	formats := "table or json"
	if o.wider {
		formats = "table, wide or json"
	}
	fs.StringVarP(&o.format, "output", "o", "table", formats+"; a list in json is an object a line")
}

func (o *outputOptions) check() error {
	switch {
	case o.format == "table", o.format == "json", o.wider && o.wide():
		return nil
	case o.wider:
		return errors.New("--output: write table, wide or json")
	}
	return errors.New("--output: write table or json")
}

func (o *outputOptions) wide() bool { return o.format == "wide" }

func (o *outputOptions) json() bool { return o.format == "json" }

// printJSON writes one object on one line.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints rows under headings, aligned. Rows may be flushed as they come, so that a stream can be followed:
// columns then keep the widths seen so far.
type table struct {
	w       io.Writer
	widths  []int
	rows    [][]string
	printed int
}

// tableRows is how many rows wait for each other's widths.
const tableRows = 500

func newTable(w io.Writer, headings ...string) *table {
	t := &table{w: w, widths: make([]int, len(headings))}
	t.rows = append(t.rows, headings)
	t.measure(headings)
	return t
}

// wide makes columns at least so wide, for rows that are still to come.
func (t *table) wide(widths ...int) *table {
	for i, w := range widths {
		t.widths[i] = max(t.widths[i], w)
	}
	return t
}

func (t *table) measure(row []string) {
	for i, cell := range row {
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
	}
}

func (t *table) add(row ...string) error {
	for i, cell := range row {
		if cell == "" {
			row[i] = "-"
		}
	}
	t.measure(row)
	t.rows = append(t.rows, row)
	if len(t.rows) >= tableRows {
		return t.flush()
	}
	return nil
}

// empty reports that no row was added.
func (t *table) empty() bool { return t.printed == 0 && len(t.rows) == 1 }

func (t *table) flush() error {
	for _, row := range t.rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		if _, err := fmt.Fprintln(t.w, b.String()); err != nil {
			return err
		}
		t.printed++
	}
	t.rows = t.rows[:0]
	return nil
}

// end prints what a list still has to print: the rows that wait, or a sentence in place of an empty table.
func (o *outputOptions) end(t *table, none string) error {
	switch {
	case o.json():
		return nil
	case t.empty():
		_, err := fmt.Fprintln(t.w, none)
		return err
	}
	return t.flush()
}

// clock writes a time for people, in local time; nothing for the zero time.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

// count writes a number of things: "1 block", "2 blocks".
func count[N ~int | ~uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
