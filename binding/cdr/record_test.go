package cdr_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

const x = binding.X(700100000010007)

var received = time.Date(2026, 3, 1, 20, 0, 0, 250_000_000, time.FixedZone("", 8*3600))

func number(t testing.TB, digits string) binding.Number {
	t.Helper()
	n, err := binding.NumberFromDigits(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// completed is the record of a call of 30 seconds.
func completed(t testing.TB) cdr.Record {
	t.Helper()
	return cdr.Record{
		ID: "callcallcallcall", Seq: 7, Binding: "pairpairpairpair", Order: "order", Tenant: "default",
		IndustrialID: "700.100.1/order", Data: "data", TrunkIn: "inside", TrunkOut: "outside",
		CallerIn: cdr.Party{Number: number(t, "8613800138000")}, CalleeIn: cdr.Party{X: x},
		CallerOut: cdr.Party{X: x}, CalleeOut: cdr.Party{Number: number(t, "861059658005")},
		ReceivedAt: received, RingingAt: received.Add(time.Second), AnsweredAt: received.Add(5 * time.Second),
		ReleasedAt: received.Add(35 * time.Second), ReleasedBy: cdr.ByCaller, SIPStatus: 200, Q850: 16, End: cdr.EndCompleted,
		Shadow: "x,tenant", Evidence: "ticket 7",
		Media: cdr.Media{
			Video:     cdr.Video{Codec: "H264", AtoB: cdr.VideoFlow{Packets: 5000, Bytes: 5500000, Lost: 4, Refused: 1}, BtoA: cdr.VideoFlow{Packets: 4000, Bytes: 4400000}},
			Recording: cdr.Recording{ID: "callcallcallcall", Bytes: 4711, Lost: 3},
			Codec:     "PCMA",
			AtoB:      cdr.Flow{Packets: 1500, Kernel: 1400, Bytes: 240000, Lost: 2, Refused: 1, Dropped: 6, JitterMS: 0.75, MaxJitterMS: 1.25, MOS: 4.4, Path: cdr.PathKernel},
			BtoA:      cdr.Flow{Packets: 1499, Kernel: 7, Bytes: 239840, JitterMS: 12, MaxJitterMS: 80, MOS: 4.38, Path: cdr.PathUser},
			Path:      cdr.PathKernel, Caller: cdr.Leg{RoundTripMS: 30.5, Lost: 3, JitterMS: 2, MOS: 4.2},
		},
	}
}

func assertHidden(t *testing.T, what, text string) {
	t.Helper()
	for _, digits := range []string{"13800138000", "800138000", "1059658005", "59658005"} {
		if strings.Contains(text, digits) {
			t.Errorf("%s reveals a number: %s", what, text)
		}
	}
}

func TestParty(t *testing.T) {
	real := number(t, "8613800138000")
	for _, test := range []struct {
		party cdr.Party
		want  string
	}{
		{cdr.Party{}, ""},
		{cdr.Party{X: x}, "700100000010007"},
		{cdr.Party{Number: real}, "138****8000"},
		{cdr.Party{X: x, Number: real}, "700100000010007"},
	} {
		if got := test.party.String(); got != test.want {
			t.Errorf("shown as %q, want %q", got, test.want)
		}
		if got := test.party.LogValue().String(); got != test.want {
			t.Errorf("logged as %q, want %q", got, test.want)
		}
		if got, err := json.Marshal(test.party); err != nil || string(got) != `"`+test.want+`"` {
			t.Errorf("in JSON %s, %v", got, err)
		}
	}
}

func TestRecordPrintsMasked(t *testing.T) {
	r := completed(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		assertHidden(t, format, fmt.Sprintf(format, r))
		assertHidden(t, format+" of a pointer", fmt.Sprintf(format, &r))
		assertHidden(t, format+" of a hidden field", fmt.Sprintf(format, struct{ r cdr.Record }{r}))
		assertHidden(t, format+" of a party", fmt.Sprintf(format, r.CallerIn))
	}
	if got := fmt.Sprint(r); !strings.Contains(got, "138****8000") || !strings.Contains(got, "010****8005") {
		t.Errorf("printed without masks: %s", got)
	}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out)).Info("call", "record", r, "caller", r.CallerIn, "pointer", &r)
		assertHidden(t, name, out.String())
	}
}

// TestGobCarriesTheRecord: the state of a call goes through gob, and the
// record must come back with its numbers.
func TestGobCarriesTheRecord(t *testing.T) {
	want := completed(t)
	want.ReceivedAt = want.ReceivedAt.UTC()
	want.RingingAt, want.AnsweredAt, want.ReleasedAt = time.Time{}, time.Time{}, time.Time{}
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(want); err != nil {
		t.Fatal(err)
	}
	var got cdr.Record
	if err := gob.NewDecoder(&wire).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("came back as %+v", got)
	}
	if got.CallerIn.Number.Digits() != "8613800138000" {
		t.Error("the caller did not come back")
	}
}
