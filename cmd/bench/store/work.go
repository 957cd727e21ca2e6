package main

import (
	"encoding/binary"
	"time"

	"mask700/binding"
	"mask700/store/seal"
)

// perBlock is how many bindings one block of 10 000 numbers carries before the next is used.
const perBlock = binding.BlockSize

// began is when the first binding begins, and createdEvery how much later each of the next: as if they had come in at 50 000 a
// second. They last for a day of their own, so that all are live.
var began = time.Now().Add(-6 * time.Hour)

const createdEvery = 20 * time.Microsecond

// lives is for how long a binding lives.
const lives = 24 * time.Hour

// blockOf is the block of a binding's number, numberOf the number: scattered within the block, so that neither engine
// has its rows in order.
func blockOf(n int) binding.Block { return binding.Block(70010000001 + uint64(n/perBlock)) }

func numberOf(n int) binding.X { return blockOf(n).Number(n % perBlock * 7919 % perBlock) }

func subscriber(n int) binding.Number {
	number, err := binding.NumberFromDigits(padded("861", 10, n))
	if err != nil {
		panic(err) // the digits are right for all n
	}
	return number
}

// padded is a number of so many digits behind a text. It is quicker than fmt, which would be a good part of what is measured.
func padded(text string, digits, n int) string {
	var b [32]byte
	end := copy(b[:], text) + digits
	for i := end - 1; i >= len(text); i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return string(b[:end])
}

// idOf is an id of letters, scattered as random ones are.
func idOf(n int) string {
	v := uint64(n)*0x9e3779b97f4a7c15 + 12345
	var b [16]byte
	for i := range b {
		b[i] = 'a' + byte(v>>(4*i)&15)
	}
	return string(b[:])
}

func bindingOf(n int) binding.Binding {
	created := began.Add(time.Duration(n) * createdEvery)
	return binding.Binding{
		ID: idOf(n), Mode: binding.ModeAXB, X: numberOf(n), A: subscriber(2 * n), B: subscriber(2*n + 1),
		Order: padded("order-", 12, n), Tenant: binding.DefaultTenant, CreatedAt: created, ExpiresAt: created.Add(lives),
	}
}

// row is a binding as the other engines keep it: sealed and hashed by the same code as ours, on the same processors.
type row struct {
	x            uint64
	start, until int64
	id           string
	sealed       []byte
	a, b, order  []byte
}

// vault has the keys of the other engines.
type vault struct {
	box   *seal.Box
	index *seal.Index
}

func newVault() (*vault, error) {
	box, err := seal.NewBox(seal.NewKey())
	if err != nil {
		return nil, err
	}
	index, err := seal.NewIndex(1, seal.NewKey())
	return &vault{box, index}, err
}

func (v *vault) row(n int) row {
	b := bindingOf(n)
	plain := make([]byte, 0, 96)
	for _, text := range []string{b.ID, b.A.Digits(), b.B.Digits(), b.Order} {
		plain = append(append(plain, byte(len(text))), text...)
	}
	place := binary.BigEndian.AppendUint64(nil, uint64(b.X))
	hash := func(domain byte, text string) []byte {
		h := v.index.Hash(domain, text)
		return h[:]
	}
	return row{
		x: uint64(b.X), start: b.CreatedAt.UnixMilli(), until: b.ExpiresAt.UnixMilli(), id: b.ID,
		sealed: v.box.Seal(nil, plain, place),
		a:      hash('n', b.A.Digits()), b: hash('n', b.B.Digits()), order: hash('o', b.Order),
	}
}

// open opens a sealed row, as a call has to.
func (v *vault) open(x uint64, sealed []byte) error {
	_, err := v.box.Open(nil, sealed, binary.BigEndian.AppendUint64(nil, x))
	return err
}
