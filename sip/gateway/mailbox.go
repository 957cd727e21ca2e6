package gateway

import "sync"

// mailbox is a queue into a loop that sleeps. Senders never wait: what the
// network brings is bounded and dropped when the loop cannot follow, while
// answers to what the loop itself has asked always get in.
type mailbox[T any] struct {
	wake  chan struct{}
	limit int

	queue struct {
		sync.Mutex // protects the fields of queue
		items      []T
		spare      []T
		offered    int // how many of items came by offer
		dropped    uint64
	}
}

func newMailbox[T any](limit int) *mailbox[T] {
	return &mailbox[T]{wake: make(chan struct{}, 1), limit: limit}
}

// offer adds an item unless the bound is reached, and says whether it did.
func (m *mailbox[T]) offer(item T) bool {
	m.queue.Lock()
	if m.queue.offered >= m.limit {
		m.queue.dropped++
		m.queue.Unlock()
		return false
	}
	m.queue.offered++
	m.queue.items = append(m.queue.items, item)
	m.queue.Unlock()
	m.signal()
	return true
}

// put adds an item in any case. It is for what is bounded elsewhere.
func (m *mailbox[T]) put(item T) {
	m.queue.Lock()
	m.queue.items = append(m.queue.items, item)
	m.queue.Unlock()
	m.signal()
}

func (m *mailbox[T]) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take returns everything in order. The slice is valid until the next take.
func (m *mailbox[T]) take() []T {
	m.queue.Lock()
	defer m.queue.Unlock()
	items := m.queue.items
	clear(m.queue.spare)
	m.queue.items = m.queue.spare[:0]
	m.queue.spare = items
	m.queue.offered = 0
	return items
}

func (m *mailbox[T]) dropped() uint64 {
	m.queue.Lock()
	defer m.queue.Unlock()
	return m.queue.dropped
}
