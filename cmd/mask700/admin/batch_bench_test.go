package admin

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/binding"
	"mask700/store"
)

// BenchmarkBatch sends batches to a store on disk, and says what became of a look-up meanwhile.
func BenchmarkBatch(b *testing.B) {
	const rows, blocks = 1000, 100
	for _, given := range []bool{false, true} {
		b.Run(fmt.Sprintf("given=%v", given), func(b *testing.B) {
			dir := b.TempDir()
			db, err := store.Open(store.Options{Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "key")})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			s := &binding.Service{Store: db}
			first := binding.Block(70010000001)
			for i := range blocks {
				if _, err := s.AddBlock(b.Context(), (first + binding.Block(i)).String()); err != nil {
					b.Fatal(err)
				}
			}
			handler := New(Deps{Bindings: s})
			stop := make(chan struct{})
			var looking sync.WaitGroup
			var took []time.Duration
			looking.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
					}
					began := time.Now()
					if _, err := db.OnX(b.Context(), first.Number(n%binding.BlockSize)); err != nil {
						b.Error(err)
						return
					}
					took = append(took, time.Since(began))
				}
			})
			b.ResetTimer()
			for n := range b.N {
				var body strings.Builder
				for i := range rows {
					x := ""
					if at := n*rows + i; given {
						x = fmt.Sprintf(`"x":"%s",`, (first + binding.Block(at/binding.BlockSize%blocks)).Number(at%binding.BlockSize))
					}
					fmt.Fprintf(&body, `{"mode":"axb",%s"a":"138%08d","b":"139%08d","order":"o-%d","ttl":"2h"}`+"\n", x, n*rows+i, n*rows+i, n*rows+i)
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("POST", "/v1/bindings/batch", strings.NewReader(body.String())))
				if out := w.Body.String(); w.Code != 200 || strings.Count(out, `"state":"live"`) != rows {
					b.Fatalf("%d: %.300s", w.Code, out)
				}
			}
			b.StopTimer()
			close(stop)
			looking.Wait()
			b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "lookup-p99-us")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "lookup-p50-us")
		})
	}
}
