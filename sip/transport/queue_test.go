package transport

import "testing"

func TestQueueKeepsOrder(t *testing.T) {
	var out string
	room := 3
	q := &queue{maxBytes: 100, maxMessages: 100, now: func(b []byte) int {
		n := min(room, len(b))
		out += string(b[:n])
		room -= n
		return n
	}}
	push := func(s string, want added) {
		t.Helper()
		if got := q.push([]byte(s), queued{size: len(s)}); got != want {
			t.Fatalf("%s: %d, want %d", s, got, want)
		}
	}
	push("ab", written)
	push("cd", pushed) // half of it at once
	room = 100
	push("ef", pushed) // behind what waits
	data, messages := q.take(nil, nil)
	push("gh", pushed) // behind what is being written
	out += string(data)
	q.done()
	push("ij", pushed)
	data, messages = q.take(data, messages)
	out += string(data)
	q.done()
	push("kl", written)
	if out != "abcdefghijkl" {
		t.Errorf("written %q", out)
	}
	if len(messages) != 2 || messages[0].end != 2 || messages[1].end != 4 || messages[0].size != 2 {
		t.Errorf("taken %+v", messages)
	}
}

func TestQueueIsBounded(t *testing.T) {
	push := func(q *queue, s string) added { return q.push([]byte(s), queued{token: uint64(len(s))}) }

	q := &queue{maxBytes: 4, maxMessages: 100}
	if push(q, "abc") != pushed || push(q, "de") != full || push(q, "d") != pushed || push(q, "e") != full {
		t.Error("more bytes wait than may")
	}
	data, messages := q.take(nil, nil)
	if push(q, "e") != full {
		t.Error("bytes being written do not count")
	}
	q.done()
	if push(q, "efgh") != pushed || string(data) != "abcd" || len(messages) != 2 {
		t.Error("bytes written count")
	}

	q = &queue{maxBytes: 100, maxMessages: 2}
	if push(q, "a") != pushed || push(q, "b") != pushed || push(q, "c") != full {
		t.Error("more messages wait than may")
	}
	q.take(nil, nil)
	if push(q, "c") != full {
		t.Error("messages being written do not count")
	}
	q.done()
	push(q, "cc")
	if left := q.close(); len(left) != 1 || left[0].token != 2 {
		t.Errorf("left %+v", left)
	}
	if push(q, "d") != gone || len(q.close()) != 0 {
		t.Error("not closed")
	}
}
