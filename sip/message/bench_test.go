package message

import "testing"

func BenchmarkParseInvite(b *testing.B) {
	frame := []byte(invite)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, fault := Parse(frame); fault != nil {
			b.Fatal(fault.Why)
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	frame := []byte(wroteResponse)
	b.ReportAllocs()
	for b.Loop() {
		if _, fault := Parse(frame); fault != nil {
			b.Fatal(fault.Why)
		}
	}
}

func BenchmarkCheckAndEcho(b *testing.B) {
	m, fault := Parse([]byte(invite))
	if fault != nil {
		b.Fatal(fault.Why)
	}
	b.ReportAllocs()
	for b.Loop() {
		if fault := Check(m); fault != nil {
			b.Fatal(fault.Why)
		}
		_ = m.Echo(source)
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	r := fullRequest()
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if r.Append(buf) == nil {
			b.Fatal("dropped")
		}
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	r := fullResponse()
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if r.Append(buf) == nil {
			b.Fatal("dropped")
		}
	}
}
