package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

const testBlock = binding.Block(70010000001)

var testStart = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func testNumber(t testing.TB, n int) binding.Number {
	t.Helper()
	number, err := binding.NumberFromDigits(fmt.Sprintf("86138%08d", n))
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// testPair is a binding of two subscribers that no other n has, on a number of its own.
func testPair(t testing.TB, id string, n int) binding.Binding {
	t.Helper()
	return binding.Binding{
		ID: id, Mode: binding.ModeAXB, X: testBlock.Number(n % binding.BlockSize), A: testNumber(t, 2*n), B: testNumber(t, 2*n+1),
		Order: "order " + id, Tenant: binding.DefaultTenant, CreatedAt: testStart,
	}
}

func testRecord(id string) cdr.Record {
	return cdr.Record{ID: id, ReceivedAt: testStart, ReleasedAt: testStart.Add(time.Minute), End: cdr.EndCompleted}
}

// testID is an id of letters.
func testID(n int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%016d", n))
}

func holdBlock(t testing.TB, db *DB) {
	t.Helper()
	err := db.AddBlock(context.Background(), binding.BlockState{
		Block: testBlock, State: binding.BlockOpen, AddedAt: testStart, Tenant: binding.DefaultTenant,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mustBind(t testing.TB, db *DB, b binding.Binding) {
	t.Helper()
	if err := db.Bind(context.Background(), b); err != nil {
		t.Fatalf("bind: %v", err)
	}
}

// mustChange changes a binding a second after its creation.
func mustChange(t testing.TB, db *DB, id string, change func(*binding.Binding)) {
	t.Helper()
	_, err := db.Change(context.Background(), id, func(b *binding.Binding) error {
		b.UpdatedAt = b.CreatedAt.Add(time.Second)
		change(b)
		return nil
	})
	if err != nil {
		t.Fatalf("change: %v", err)
	}
}

// answer waits for what a journal is to say.
func answer[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("no answer")
		panic("unreachable")
	}
}

func openCall(t testing.TB, db *DB, r cdr.Record) error {
	t.Helper()
	c := make(chan error, 1)
	db.Journal().Open(r, func(err error) { c <- err })
	return answer(t, c)
}

func closeCall(t testing.TB, db *DB, r cdr.Record) (uint64, error) {
	t.Helper()
	seq := make(chan uint64, 1)
	c := make(chan error, 1)
	db.Journal().Close(r, func(n uint64, err error) { seq <- n; c <- err })
	n := answer(t, seq)
	return n, answer(t, c)
}

// testLogger writes every line, the engine's smallest too.
func testLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
