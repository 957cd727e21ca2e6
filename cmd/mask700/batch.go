package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
	"mask700/crash"
)

// A batch is sent when it has so many rows or bytes, or when no row is waiting.
const (
	batchRows  = 5000
	batchBytes = 8 << 20
)

// row is a line of the input that is not blank.
type row struct {
	line int
	text []byte
	err  error // the input ended with it
}

// runBatch sends the rows of a file, in batches, and prints a result for each as they come. A row that is refused
// does not stop the others; the command then fails at its end.
func runBatch(ctx context.Context, cmd *cobra.Command, s *session, verb, from string, asJSON bool) error {
	input, err := openInput(from, cmd.InOrStdin())
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer input.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := cmd.OutOrStdout()
	t := newTable(out, "ROW", "ID", "STATE", "X", "RESULT").wide(5, 16, 7, 15)
	total, refused := 0, 0
	rows := readRows(ctx, input)
	for {
		lines, texts, end := nextBatch(rows)
		if len(texts) > 0 {
			results, err := s.Batch(ctx, verb, texts)
			for i, r := range results {
				r.Row = lines[i]
				total++
				if r.Problem != nil {
					refused++
				}
				if err := printResult(out, t, r, asJSON); err != nil {
					return err
				}
			}
			if err != nil {
				return fmt.Errorf("%s done, then: %w", count(total, "row"), err)
			}
		}
		if end == nil {
			continue
		}
		switch {
		case !errors.Is(end, io.EOF):
			return fmt.Errorf("--from: %s done, then: %w", count(total, "row"), end)
		case total == 0:
			return errors.New("--from: no row; write a JSON object a line")
		case refused > 0:
			return fmt.Errorf("%d of %s refused; the results say why", refused, count(total, "row"))
		}
		return nil
	}
}

func printResult(out io.Writer, t *table, r admin.BatchResult, asJSON bool) error {
	if asJSON {
		return printJSON(out, r)
	}
	id, state, x, result := "", "", "", "done"
	if r.Binding != nil {
		id, state, x = r.Binding.ID, string(r.Binding.State), r.Binding.X.String()
	}
	switch {
	case r.Problem != nil:
		result = r.Problem.Detail
	case r.Again:
		result = "there already"
		if n := times(r.Binding.Refs); n != "" {
			result += ", bound " + n
		}
	}
	if err := t.add(fmt.Sprint(r.Row), id, state, x, result); err != nil {
		return err
	}
	return t.flush()
}

// readRows reads lines until the input or ctx ends; the last row has the error, io.EOF at a good end.
func readRows(ctx context.Context, input io.Reader) <-chan row {
	rows := make(chan row, batchRows)
	send := func(r row) bool {
		select {
		case rows <- r:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer crash.Door()
		lines := bufio.NewScanner(input)
		lines.Buffer(nil, maxLine)
		n := 0
		for lines.Scan() {
			n++
			if text := bytes.TrimSpace(lines.Bytes()); len(text) > 0 && !send(row{line: n, text: bytes.Clone(text)}) {
				return
			}
		}
		err := lines.Err()
		switch {
		case errors.Is(err, bufio.ErrTooLong):
			err = fmt.Errorf("line %d is longer than 64 KiB", n+1)
		case err == nil:
			err = io.EOF
		}
		send(row{err: err})
	}()
	return rows
}

// nextBatch waits for a row and takes those that are there already. end is not nil after the last.
func nextBatch(rows <-chan row) (lines []int, texts [][]byte, end error) {
	size := 0
	for r := range rows {
		if r.err != nil {
			return lines, texts, r.err
		}
		lines, texts = append(lines, r.line), append(texts, r.text)
		if size += len(r.text); len(texts) == batchRows || size >= batchBytes || len(rows) == 0 {
			break
		}
	}
	return lines, texts, nil
}
