package store

import (
	"context"
	"crypto/cipher"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/binding"
	"mask700/store/seal"
)

// BenchmarkWithoutSealing: binding and looking up as a whole, with keys and with a store made to do without: what it seals is written as
// it is, of the same length, and what it would hash is copied. Both in turn, a durable bind and a look-up each; the medians and their
// ratio are printed. On a disk in memory the work of the processor is seen; on a true one, what is left of it beside the disk.
//
//	go test -run '^$' -bench WithoutSealing -benchtime 20000x ./store
func BenchmarkWithoutSealing(b *testing.B) {
	for name, fs := range map[string]func() vfs.FS{"memory": func() vfs.FS { return vfs.NewMem() }, "disk": func() vfs.FS { return vfs.Default }} {
		b.Run(name, func(b *testing.B) {
			ctx := context.Background()
			const blocks = 8
			var stores [2]*DB // with keys, without
			for i := range stores {
				o := options(b, b.TempDir())
				o.CacheSize, o.fs = 64<<20, fs()
				stores[i] = mustOpen(b, o)
				b.Cleanup(func() { mustClose(b, stores[i]) })
				for k := range blocks {
					state := binding.BlockState{Block: testBlock + binding.Block(k), State: binding.BlockOpen, AddedAt: testStart, Tenant: binding.DefaultTenant}
					if err := stores[i].AddBlock(ctx, state); err != nil {
						b.Fatal(err)
					}
				}
				mustBind(b, stores[i], benchPair(b, 0, blocks)) // makes the data key
			}
			withoutSealing(stores[1])
			var binds, lookups [2][]time.Duration
			timed := func(into *[]time.Duration, f func() error) {
				begun := time.Now()
				err := f()
				*into = append(*into, time.Since(begun))
				if err != nil {
					b.Fatal(err)
				}
			}
			n := 0
			b.ResetTimer()
			for range b.N {
				n++
				pair := benchPair(b, n, blocks)
				for i := range stores {
					i = (i + n) % 2
					timed(&binds[i], func() error { return stores[i].Bind(ctx, pair) })
				}
				for i := range stores {
					i = (i + n) % 2
					timed(&lookups[i], func() error {
						rows, err := stores[i].Candidates(ctx, pair.X, pair.CreatedAt)
						if err == nil && (len(rows) == 0 || !slices.ContainsFunc(rows, func(row binding.Binding) bool { return row.A == pair.A && row.B == pair.B })) {
							err = fmt.Errorf("%d rows, and not the one that was bound", len(rows))
						}
						return err
					})
				}
			}
			b.StopTimer()
			for what, took := range map[string]*[2][]time.Duration{"bind": &binds, "lookup": &lookups} {
				var median [2]float64
				for i := range took {
					slices.Sort(took[i])
					median[i] = float64(took[i][len(took[i])/2])
				}
				b.ReportMetric(median[0], "ns/"+what)
				b.ReportMetric(median[1], "ns/"+what+"-unsealed")
				b.ReportMetric(median[0]/median[1], what+"-ratio")
			}
		})
	}
}

// noCipher copies what it is to seal, and is as long as a seal.
type noCipher struct{}

func (noCipher) NonceSize() int { return 0 }
func (noCipher) Overhead() int  { return seal.Overhead }
func (noCipher) Seal(dst, _, plain, _ []byte) []byte {
	return append(append(dst, make([]byte, seal.Overhead)...), plain...)
}
func (noCipher) Open(dst, _, sealed, _ []byte) ([]byte, error) {
	return append(dst, sealed[seal.Overhead:]...), nil
}

// copiedHash is the last bytes of what is written to it.
type copiedHash struct{ last []byte }

func (h *copiedHash) Write(b []byte) (int, error) { h.last = append(h.last, b...); return len(b), nil }
func (h *copiedHash) Reset()                      { h.last = h.last[:0] }
func (h *copiedHash) Size() int                   { return 32 }
func (h *copiedHash) BlockSize() int              { return 64 }
func (h *copiedHash) Sum(b []byte) []byte {
	var sum [32]byte
	copy(sum[:seal.HashSize-1], h.last[max(0, len(h.last)-seal.HashSize+1):])
	return append(b, sum[:]...)
}

// withoutSealing takes cipher and hash out of a store. There is no way to it but through the memory: a program that could be told to
// seal nothing might be.
func withoutSealing(db *DB) {
	boxes := *db.bindKeys.boxes.Load()
	for i := range boxes {
		if box := boxes[i].Load(); box != nil {
			*(*cipher.AEAD)(field(reflect.ValueOf(box), "aead")) = noCipher{}
		}
	}
	hashers := (*sync.Pool)(field(reflect.ValueOf(db.bindKeys.index), "pool"))
	made := hashers.New
	*hashers = sync.Pool{New: func() any {
		h := made()
		*(*hash.Hash)(field(reflect.ValueOf(h), "mac")) = new(copiedHash)
		return h
	}}
}

func field(of reflect.Value, name string) unsafe.Pointer {
	return unsafe.Pointer(of.Elem().FieldByName(name).UnsafeAddr())
}
