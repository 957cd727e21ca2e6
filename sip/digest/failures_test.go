package digest

import (
	"net/netip"
	"testing"
	"time"
)

// fail plays a source that tries passwords under its own fresh nonces.
func (d *desk) fail(from netip.Addr) Verdict {
	d.t.Helper()
	r := d.request("INVITE", target)
	r.Source = from
	if v := d.server.Check(d.now, r); v != Absent {
		return v
	}
	var c Client
	c.Challenged(new(Try), d.server.Challenges(d.now, r, false), "")
	r.Credentials = []string{c.Authorize("sw1", NewSecret("a guess"), "INVITE", target, nil, "cnonce")}
	return d.server.Check(d.now, r)
}

func TestSourcesThatFailAreNotAnswered(t *testing.T) {
	d := newDesk(t)
	for i := range failLimit {
		if v := d.fail(source); v != Wrong {
			t.Fatalf("guess %d is %d", i+1, v)
		}
	}
	if v := d.fail(source); v != Barred {
		t.Errorf("a guess too many is %d", v)
	}
	d.client = Client{Nonce: "x", Realm: "example.net", Algorithm: MD5, QOP: "auth"}
	if v := d.check(d.sign()); v != Barred {
		t.Errorf("whatever it sends is %d", v)
	}
	if v := d.fail(netip.MustParseAddr("192.0.2.11")); v != Wrong {
		t.Errorf("its neighbour's is %d", v)
	}
	d.now = d.now.Add(failTime - time.Second)
	if v := d.fail(source); v != Barred {
		t.Errorf("a second before the end it is %d", v)
	}
	d.now = d.now.Add(time.Second)
	if v := d.fail(source); v != Wrong {
		t.Errorf("after it, it is %d", v)
	}
}

func TestSlowFailuresAreAnswered(t *testing.T) {
	d := newDesk(t)
	for range 5 * failLimit {
		if v := d.fail(source); v != Wrong {
			t.Fatalf("it is %d", v)
		}
		d.now = d.now.Add(time.Second)
	}
}

// A nonce that was not given to a source fails on nobody's account: else anybody
// could have a peer barred by writing its address on packets.
func TestForgedSourcesFailOnNobodysAccount(t *testing.T) {
	d := newDesk(t)
	d.challenge()
	for range 2 * failLimit {
		r := d.request("INVITE", target, d.client.Authorize("sw1", NewSecret("a guess"), "INVITE", target, nil, "cnonce"))
		r.Source = netip.MustParseAddr("192.0.2.77")
		if v := d.server.Check(d.now, r); v != Stale {
			t.Fatalf("it is %d", v)
		}
	}
	if v := d.fail(netip.MustParseAddr("192.0.2.77")); v != Wrong {
		t.Errorf("the peer itself is %d", v)
	}
}

func TestSourcesThatFailAreBounded(t *testing.T) {
	d := newDesk(t)
	for i := range maxSources + 100 {
		d.server.failures.note(d.now, network(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})))
	}
	if n := len(d.server.failures.sources.entries); n != maxSources {
		t.Errorf("%d sources are kept", n)
	}
	if n := len(d.server.failures.sources.order); n != maxSources {
		t.Errorf("%d sources are in order", n)
	}
}
