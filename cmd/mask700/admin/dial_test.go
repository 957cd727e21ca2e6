package admin

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

func TestDial(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	v := b.bind(numberA, numberB, x)
	b.node.placed = Placed{ID: "call"}
	var call CallView
	b.want(201, "POST", "/v1/calls", `{"binding":"`+v.ID+`","from":"b","trunk":"right","ring_timeout":"20s"}`, &call)
	if call.ID != "call" || !call.Live {
		t.Errorf("%+v", call)
	}
	if len(b.node.ordered) != 1 {
		t.Fatalf("%d orders", len(b.node.ordered))
	}
	o := b.node.ordered[0]
	if o.Binding != v.ID || o.Trunk != "right" || o.Ring != 20*time.Second || o.Edge.Dialled.String() != x || o.Edge.Caller.Masked() != "139****0002" {
		t.Errorf("ordered %+v", o)
	}

	// It has ended already, and is not on disk yet.
	b.node.placed = Placed{ID: "gone"}
	b.want(201, "POST", "/v1/calls", `{"binding":"`+v.ID+`"}`, &call)
	if call.ID != "gone" || call.Live || call.State != StateEnded || call.Origin != cdr.OriginDial {
		t.Errorf("%+v", call)
	}
}

func TestDialRefused(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	v := b.bind(numberA, numberB, x)
	for body, want := range map[string]struct {
		status int
		word   string
	}{
		`{"binding":"zzzzzzzzzzzzzzzz"}`:        {404, "no binding has this id"},
		`{"binding":"+8613800000001"}`:          {404, "no binding has this id"},
		`{}`:                                    {404, "no binding has this id"},
		`{"binding":"` + v.ID + `","from":"c"}`: {400, "a or b"},
		`{"binding":"` + v.ID + `","ring_timeout":"soon"}`:       {400, "20s"},
		`{"binding":"` + v.ID + `","ring_timeout":"-1s"}`:        {400, "20s"},
		`{"binding":"` + v.ID + `","caller":"13800000001"}`:      {400, "not known"},
		`{"binding":"` + v.ID + `","from":["13800000001","13"]}`: {400, "another type"},
	} {
		out := b.want(want.status, "POST", "/v1/calls", body, nil)
		if !strings.Contains(string(out), want.word) || strings.Contains(string(out), "13800000001") {
			t.Errorf("%s: %s", body, out)
		}
	}
	over, expired := b.bind(numberC, numberD, block+"0001"), b.bind(numberE, numberF, block+"0002")
	b.want(200, "DELETE", "/v1/bindings/"+over.ID, "", nil)
	b.want(200, "PATCH", "/v1/bindings/"+expired.ID, `{"ttl":"1m"}`, nil)
	b.now = b.now.Add(time.Minute)
	for state, id := range map[string]string{"unbound": over.ID, "expired": expired.ID} {
		if out := b.want(409, "POST", "/v1/calls", `{"binding":"`+id+`"}`, nil); !strings.Contains(string(out), "the binding has ended") {
			t.Errorf("%s: %s", state, out)
		}
	}
	if len(b.node.ordered) > 0 {
		t.Errorf("ordered %+v", b.node.ordered)
	}

	for name, c := range map[string]struct {
		placed Placed
		status int
		word   string
	}{
		"expired":   {Placed{End: cdr.EndRefused, Status: 404, Refusal: binding.RefusalExpired}, 409, "has expired"},
		"suspended": {Placed{End: cdr.EndRefused, Status: 403, Refusal: binding.RefusalSuspended}, 409, "suspended"},
		"no route":  {Placed{End: cdr.EndRefused, Status: 500, Refusal: binding.RefusalNoRoute}, 409, "no trunk leads"},
		"full":      {Placed{End: cdr.EndTrunkLimit, Status: 503, Refusal: binding.RefusalOverload}, 503, "as many calls"},
		"broken":    {Placed{End: cdr.EndFailed, Status: 500}, 500, "could not carry"},
	} {
		c.placed.ID = "record"
		b.node.placed = c.placed
		out := b.want(c.status, "POST", "/v1/calls", `{"binding":"`+v.ID+`"}`, nil)
		if !strings.Contains(string(out), c.word) || !strings.Contains(string(out), "nobody was called") || !strings.Contains(string(out), "the record is record") {
			t.Errorf("%s: %s", name, out)
		}
	}
	b.node.failure = ErrNotTaken
	b.want(503, "POST", "/v1/calls", `{"binding":"`+v.ID+`"}`, nil)
	b.node.failure = &binding.FieldError{Field: "trunk", Err: errors.New("is none")}
	b.want(400, "POST", "/v1/calls", `{"binding":"`+v.ID+`","trunk":"none"}`, nil)
}
