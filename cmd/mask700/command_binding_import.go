package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

type bindingImportOptions struct {
	bindingOptions
	all  bool
	line int
	name string
}

func newBindingImportCommand() *cobra.Command {
	o := new(bindingImportOptions)
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Make very many bindings at once",
		Long: `Make very many bindings at once, as from another system: each line of the file is a request in JSON, as of
binding create --from. They are bound a hundred thousand at a time, which is many times as fast as one by one and does
not hold up who binds besides; a hundred thousand are on disk as soon as they are, all of them or, where the server is
killed meanwhile, none.

Printed are the rows that were refused, and at the end how many were taken. One that is refused stops no other. An
import that was broken off says how it goes on: with --line, and with --name, so that no row is bound twice that was bound
already. The name is drawn where none is given; without the same name each row is bound anew, and so it has neither
reuse nor idempotency_key.`,
		Args: oneArg("the FILE of the requests, or -"),
		RunE: o.run,
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.all, "all", false, "print those that are taken too, with the numbers that were drawn")
	cmd.Flags().IntVar(&o.line, "line", 1, "line of the file to begin with")
	cmd.Flags().StringVar(&o.name, "name", "", "`NAME` of the import, in lower-case letters: under the same name no row of the file is bound twice")
	return cmd
}

func (o *bindingImportOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.reveal {
		return errors.New("an import shows no numbers; `mask700 binding list --reveal` does")
	}
	if o.line < 1 {
		return errors.New("--line: lines are counted from 1")
	}
	if o.name == "" {
		name, err := binding.NewID(nil)
		if err != nil {
			return err
		}
		o.name = name
	}
	if err := binding.CheckImportName(o.name); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	input, err := openInput(args[0], cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer input.Close()
	return o.with(cmd, needNewStore, func(ctx context.Context, s *session) error {
		i := &importer{session: s, out: cmd.OutOrStdout(), asJSON: o.json(), all: o.all, name: o.name, begun: time.Now()}
		i.sum.Reasons = make(map[string]int)
		err := i.run(ctx, newPieces(input, o.line))
		return errors.Join(i.end(), err)
	})
}

// importSum is what an import came to.
type importSum struct {
	Rows      int            `json:"rows"`
	Taken     int            `json:"taken"`
	Before    int            `json:"before,omitempty"` // of those taken, how many were when they were sent before
	Refused   int            `json:"refused"`
	Reasons   map[string]int `json:"reasons"` // of what was refused: the kind of problem and its field
	Seconds   float64        `json:"seconds"`
	PerSecond int            `json:"per_second"`
}

// importer sends the pieces of a file and prints what becomes of them.
type importer struct {
	*session
	out    io.Writer
	asJSON bool
	all    bool
	name   string
	begun  time.Time
	table  *table
	sum    importSum
}

func (i *importer) run(ctx context.Context, from *pieces) error {
	i.table = newTable(i.out, "ROW", "ID", "STATE", "X", "RESULT").wide(5, 16, 7, 15)
	for {
		p, end := from.next()
		if len(p.lines) > 0 {
			done, err := i.Import(ctx, i.name, p.first, p.text, i.all, func(r admin.ImportLine) error {
				if r.Row < 1 || r.Row > len(p.lines) {
					return errors.New("the server answers of a row that was not sent")
				}
				if r.Problem != nil {
					i.sum.Reasons[reason(r.Problem)]++
				}
				return printResult(i.out, i.table, admin.BatchResult{Row: p.lines[r.Row-1], Binding: r.Binding, Problem: r.Problem}, i.asJSON)
			})
			if err != nil {
				return fmt.Errorf("what is before line %d is done; it is not known of the %s from there on, go on with --line %d --name %s: %w",
					p.lines[0], count(len(p.lines), "row"), p.lines[0], i.name, err)
			}
			i.sum.Rows += len(p.lines)
			i.sum.Taken += done.Taken
			i.sum.Before += done.Before
			i.sum.Refused += done.Refused
		}
		switch {
		case end == nil:
		case !errors.Is(end, io.EOF):
			return fmt.Errorf("%s done, then: %w", count(i.sum.Rows, "row"), end)
		case i.sum.Rows == 0:
			return errors.New("no row; write a JSON object a line")
		case i.sum.Refused > 0:
			return fmt.Errorf("%d of %s refused; the results say why", i.sum.Refused, count(i.sum.Rows, "row"))
		default:
			return nil
		}
	}
}

// reason is a problem without what is of one row alone.
func reason(p *admin.Problem) string {
	word := p.Type[strings.LastIndexByte(p.Type, ':')+1:]
	if p.Field == "" {
		return word
	}
	return word + " " + p.Field
}

// end prints what it came to.
func (i *importer) end() error {
	s := &i.sum
	// Rounded: the fraction of a float can look like a subscriber's number.
	took := time.Since(i.begun)
	s.Seconds = float64(took.Milliseconds()) / 1000
	s.PerSecond = int(float64(s.Rows) / took.Seconds())
	if i.asJSON {
		return printJSON(i.out, s)
	}
	var why []string
	for reason := range s.Reasons {
		why = append(why, reason)
	}
	slices.SortFunc(why, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Reasons[b], s.Reasons[a]), cmp.Compare(a, b))
	})
	for n, reason := range why {
		why[n] = fmt.Sprintf("%d %s", s.Reasons[reason], reason)
	}
	taken := fmt.Sprintf("%d taken", s.Taken)
	if s.Before > 0 {
		taken += fmt.Sprintf(" (%d when they were sent before)", s.Before)
	}
	text := fmt.Sprintf("%s: %s, %d refused", count(s.Rows, "row"), taken, s.Refused)
	if len(why) > 0 {
		text += " (" + strings.Join(why, ", ") + ")"
	}
	_, err := fmt.Fprintf(i.out, "%s; %.1f s, %d rows/s\n", text, s.Seconds, s.PerSecond)
	return err
}

// rowPiece is what is sent at once: rows, and the line that each has in the file. The first is the so manieth row of the file.
type rowPiece struct {
	text  []byte
	lines []int
	first int
}

// pieces cuts a file up. What is in memory is one piece.
type pieces struct {
	lines *bufio.Scanner
	first int // line to begin with
	line  int // that was read last
	rows  int // read so far, those before the first line too
	piece rowPiece
}

func newPieces(input io.Reader, first int) *pieces {
	p := &pieces{lines: bufio.NewScanner(input), first: first}
	p.lines.Buffer(make([]byte, 0, maxLine), maxLine)
	return p
}

// next is the next piece; its bytes are good until the one after it. end is not nil with the last, io.EOF at a good end.
func (p *pieces) next() (piece rowPiece, end error) {
	p.piece = rowPiece{text: p.piece.text[:0], lines: p.piece.lines[:0]}
	for len(p.piece.lines) < admin.MaxImportRows && len(p.piece.text) < admin.MaxImportBytes-2*maxLine {
		if !p.lines.Scan() {
			err := p.lines.Err()
			switch {
			case errors.Is(err, bufio.ErrTooLong):
				err = fmt.Errorf("line %d is longer than 64 KiB", p.line+1)
			case err == nil:
				err = io.EOF
			}
			return p.piece, err
		}
		p.line++
		text := bytes.TrimSpace(p.lines.Bytes())
		if len(text) == 0 {
			continue
		}
		p.rows++
		if p.line < p.first {
			continue
		}
		if len(p.piece.lines) == 0 {
			p.piece.first = p.rows
		}
		p.piece.text = append(append(p.piece.text, text...), '\n')
		p.piece.lines = append(p.piece.lines, p.line)
	}
	return p.piece, nil
}
