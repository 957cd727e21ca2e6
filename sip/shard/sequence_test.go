package shard_test

import (
	"fmt"
	"regexp"
	"strings"

	"mask700/sip/message"
)

// sequence checks that every message of ours fits what went before it: the
// echoes, tags, sequence numbers and branches of RFC 3261 that a golden file
// shows only to a patient reader.
type sequence struct {
	asked   map[string]*message.Message // requests to us, by branch and method
	invites map[string]*message.Message // INVITEs of ours, by Call-ID and CSeq
	tags    map[string]string           // our tag, by Call-ID and CSeq of their INVITE, or Call-ID of ours
	ours    map[string]bool             // our tags, behind their Call-ID
	last    map[string]uint32           // our CSeq, by Call-ID
}

func newSequence() *sequence {
	return &sequence{
		asked: map[string]*message.Message{}, invites: map[string]*message.Message{},
		tags: map[string]string{}, ours: map[string]bool{}, last: map[string]uint32{},
	}
}

func (q *sequence) received(m *message.Message) { q.asked[m.Via[0].Branch+" "+m.Method] = m }

func (q *sequence) leaving(fail func(string, ...any), m *message.Message, again bool) {
	if !m.IsRequest() {
		q.response(fail, m)
		return
	}
	key := fmt.Sprint(m.CallID, " ", m.CSeq)
	in := q.invites[key]
	switch {
	case len(m.Via) != 1 || !strings.HasPrefix(m.Via[0].Branch, "z9hG4bK"):
		fail("%s has no branch of RFC 3261", m.Method)
	case m.From.Tag == "":
		fail("%s has no From tag", m.Method)
	case m.Method == "CANCEL":
		if in == nil || in.Via[0].Text != m.Via[0].Text || in.Target.Text() != m.Target.Text() || in.To.Text != m.To.Text {
			fail("CANCEL does not fit its INVITE (section 9.1)")
		}
	case m.Method == "ACK":
		if in == nil || in.From.Text != m.From.Text || m.To.Tag == "" {
			fail("ACK does not fit its INVITE (sections 13.2.2.4 and 17.1.1.3)")
		}
	case again:
	case m.Method == "INVITE":
		q.invites[key] = m
		fallthrough
	default:
		// Each dialog counts for itself, those of a fork too.
		dialog := m.CallID + " " + m.To.Tag
		if last := max(q.last[dialog], q.last[m.CallID+" "]); m.CSeq <= last {
			fail("%s has CSeq %d after %d (section 12.2.1.1)", m.Method, m.CSeq, last)
		}
		q.last[dialog] = m.CSeq
	}
	if q.ours[m.CallID+" "+m.From.Tag] {
		return // in a dialog that they began
	}
	if tag := q.tags[m.CallID]; tag != "" && tag != m.From.Tag {
		fail("%s changes our tag", m.Method)
	}
	q.tags[m.CallID] = m.From.Tag
}

func (q *sequence) response(fail func(string, ...any), m *message.Message) {
	r := q.asked[m.Via[0].Branch+" "+m.Method]
	if r == nil {
		fail("%d answers no %s", m.Status, m.Method)
		return
	}
	same := len(m.Via) == len(r.Via) && m.CallID == r.CallID && m.CSeq == r.CSeq && m.From.Text == r.From.Text &&
		strings.HasPrefix(m.To.Text, r.To.Text)
	for i := 1; i < len(m.Via) && same; i++ {
		same = m.Via[i].Text == r.Via[i].Text
	}
	if !same {
		fail("%d does not repeat its %s (section 8.2.6.2)", m.Status, m.Method)
	}
	if m.Status > 100 && m.To.Tag == "" {
		fail("%d to %s has no To tag (section 8.2.6.2)", m.Status, m.Method)
	}
	if m.Method == "INVITE" && m.Status > 100 && m.Status < 300 && m.Contact == nil {
		fail("%d has no Contact (section 12.1.1)", m.Status)
	}
	if m.Method != "INVITE" && m.Method != "CANCEL" || r.To.Tag != "" || m.Status <= 100 || m.Status == 482 || m.Status == 481 {
		return
	}
	// An INVITE that was sent anew is another call of ours (RFC 4028 section 7.3).
	key := fmt.Sprint(m.CallID, " ", m.CSeq)
	if tag := q.tags[key]; tag != "" && tag != m.To.Tag {
		fail("%d to %s changes our tag (sections 9.2 and 12.1.1)", m.Status, m.Method)
	}
	q.tags[key], q.ours[m.CallID+" "+m.To.Tag] = m.To.Tag, true
}

// names gives what the mint has made short names, in order of appearance.
type names struct {
	given map[string]string
	count map[string]int
}

func newNames() *names { return &names{map[string]string{}, map[string]int{}} }

const letter = "[bcdfghjkmnpqrstv]"

var minted = regexp.MustCompile(`\bz9hG4bK` + letter + `{24}\b|\b` + letter + `{44}\b|tag=` + letter + `{24}\b|sip:` +
	letter + `{24}@|o=- \d+|RSeq: \d+`)

func (n *names) replace(text string) string {
	return minted.ReplaceAllStringFunc(text, func(t string) string {
		sort, before, after := "call", "", ""
		switch {
		case strings.HasPrefix(t, "z9"):
			sort = "branch"
		case strings.HasPrefix(t, "tag="):
			sort, before = "tag", "tag="
		case strings.HasPrefix(t, "sip:"):
			sort, before, after = "user", "sip:", "@"
		case strings.HasPrefix(t, "o="):
			sort, before = "session", "o=- "
		case strings.HasPrefix(t, "RSeq"):
			sort, before = "rseq", "RSeq: "
		}
		if n.given[t] == "" {
			n.count[sort]++
			n.given[t] = fmt.Sprintf("%s<%s%d>%s", before, sort, n.count[sort], after)
		}
		return n.given[t]
	})
}
