package admin

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/binding"
)

func batchRow(n int, more string) string {
	return fmt.Sprintf(`{"mode":"axb","a":"137%08d","b":"136%08d","order":"o-%d"%s}`, n, n, n, more)
}

// TestBatchOfThousands: every row has its result, in the order of the rows, and one that is refused stops no other.
func TestBatchOfThousands(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	const n = 3000
	rows := make([]string, n)
	for i := range rows {
		rows[i] = batchRow(i, "")
		if i%100 == 7 {
			rows[i] = batchRow(i, `,"ttl":"-1s"`)
		}
	}
	made := b.batch("create", rows)
	var ids []string
	for i, r := range made {
		if r.Row != i+1 || (r.Problem != nil) != (i%100 == 7) || (r.Binding != nil) == (r.Problem != nil) {
			t.Fatalf("row %d: %+v", i+1, r)
		}
		if r.Binding == nil {
			continue
		}
		if want := fmt.Sprintf("o-%d", i); r.Binding.Order != want {
			t.Fatalf("row %d is that of %s", i+1, r.Binding.Order)
		}
		ids = append(ids, `{"id":"`+r.Binding.ID+`"}`)
	}
	for i, r := range b.batch("delete", ids) {
		if r.Row != i+1 || r.Binding == nil || r.Binding.State != binding.StateUnbound {
			t.Fatalf("deleted: %+v", r)
		}
	}
	b.want(413, "POST", "/v1/bindings/batch", strings.Repeat("{}\n", MaxBatchRows)+"{}", nil)
	b.want(413, "POST", "/v1/bindings/batch", strings.Repeat(" ", maxBatchBody+1), nil)
}

// TestRowsOfOneThingAreDoneInOrder: the second row that names a number, a key, an order that may be there or an id finds
// what the first has done.
func TestRowsOfOneThingAreDoneInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	const pairs = 50
	rows := make([]string, 0, 6*pairs)
	for i := range pairs {
		number := fmt.Sprintf(`,"x":"%s%04d"`, block, i)
		rows = append(rows,
			batchRow(i, number), batchRow(i, strings.Replace(number, `"x":"`, `"x":"+86`, 1)),
			batchRow(100+i, fmt.Sprintf(`,"idempotency_key":"k%d"`, i)), batchRow(200+i, fmt.Sprintf(`,"idempotency_key":"k%d"`, i)),
			batchRow(300+i, `,"reuse":true`), batchRow(300+i, `,"reuse":true`))
	}
	// Names a number twice: nothing waits for itself.
	rows = append(rows, `{"mode":"axyb","a":"13700009999","b":"13600009999","order":"o","x":"`+x+`","y":"`+x+`"}`)
	results := b.batch("create", rows)
	var ids []string
	for i := range pairs {
		r := results[6*i : 6*i+6]
		if r[0].Binding == nil || r[1].Problem == nil || r[1].Problem.Binding != r[0].Binding.ID {
			t.Fatalf("one number: %+v", r[:2])
		}
		if r[2].Binding == nil || r[2].Again || r[3].Problem == nil || r[3].Problem.Status != 422 {
			t.Fatalf("one key: %+v", r[2:4])
		}
		if r[4].Binding == nil || r[4].Again || !r[5].Again || r[5].Binding.ID != r[4].Binding.ID || r[5].Binding.Refs != 2 {
			t.Fatalf("one order: %+v", r[4:])
		}
		ids = append(ids, `{"id":"`+r[4].Binding.ID+`"}`, `{"id":"`+r[4].Binding.ID+`"}`)
	}
	if p := results[6*pairs].Problem; p == nil || p.Field != "y" {
		t.Errorf("a number twice: %+v", results[6*pairs])
	}
	for i, r := range b.batch("delete", ids) {
		want := binding.StateLive
		if i%2 == 1 {
			want = binding.StateUnbound
		}
		if r.Binding == nil || r.Binding.State != want {
			t.Fatalf("delete %d: %+v", i+1, r)
		}
	}
}

// TestBatchesAtOnce: many share the rows at work, and one for which there is no room is told so before its body is read.
func TestBatchesAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	var all sync.WaitGroup
	for c := range 3 * batches {
		all.Go(func() {
			var body strings.Builder
			for i := range 100 {
				body.WriteString(batchRow(c*100+i, `,"x":"`+x+`"`) + "\n")
			}
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, httptest.NewRequest("POST", "/v1/bindings/batch", strings.NewReader(body.String())))
			if w.Code != 200 || strings.Count(w.Body.String(), "\n") != 100 {
				t.Errorf("%d: %.200s", w.Code, w.Body)
			}
		})
	}
	all.Wait()
	shared := b.handler.(*api).room
	shared.wait = time.Millisecond
	for range batches {
		if _, err := shared.enter(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	b.want(503, "POST", "/v1/bindings/batch", batchRow(1, ""), nil)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	shared.wait = time.Hour
	if _, err := shared.enter(gone); err == nil {
		t.Error("who is gone is let in")
	}
}
