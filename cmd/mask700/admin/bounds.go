package admin

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// bounds keep each of many clients to a rate. Of more clients than it has room for those that asked longest ago are
// forgotten, so that its memory is bounded; who is forgotten may ask as often at once as one who comes anew.
type bounds struct {
	every  time.Duration // between two requests in the long run
	atOnce int           // that may come together
	now    func() time.Time

	mu      sync.Mutex // protects what follows
	clients *simplelru.LRU[string, *client]
}

type client struct {
	due     time.Time // when all that it asked for would have been due at its rate
	running int
}

func newBounds(size int, every time.Duration, atOnce int) *bounds {
	clients, err := simplelru.NewLRU[string, *client](size, nil)
	if err != nil {
		panic(err) // no size
	}
	return &bounds{every: every, atOnce: atOnce, now: time.Now, clients: clients}
}

// take reports whether a client may ask now, and counts it if so.
func (b *bounds) take(who string) bool {
	leave, ok := b.enter(who, 0)
	if ok {
		leave()
	}
	return ok
}

// enter is take for what lasts until leave, of which at most so many run at once; 0: any number.
func (b *bounds) enter(who string, most int) (leave func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, known := b.clients.Get(who)
	if !known {
		c = new(client)
		b.clients.Add(who, c)
	}
	now := b.now()
	due := c.due
	if due.Before(now) {
		due = now
	}
	if due = due.Add(b.every); due.Sub(now) > time.Duration(b.atOnce)*b.every || most > 0 && c.running >= most {
		return nil, false
	}
	c.due = due
	c.running++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		c.running--
	}, true
}
