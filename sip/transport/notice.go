package transport

import "sync"

// notice is a call of the handler's Failed, or of its Lost.
type notice struct {
	flow    Flow
	token   uint64 // of Failed
	lost    bool   // it is for Lost
	dialled bool
}

// notices carries them to the handler on a goroutine of its own, in order. So
// Send may be called from a loop that the handler waits for. They are as many as
// there were Sends and connections, both of which are bounded elsewhere.
type notices struct {
	wake chan struct{}

	queue struct {
		sync.Mutex // protects list
		list       []notice
	}
}

func newNotices() *notices { return &notices{wake: make(chan struct{}, 1)} }

func (n *notices) failed(f Flow, token uint64) { n.put(notice{flow: f, token: token}) }

func (n *notices) lost(f Flow, dialled bool) { n.put(notice{flow: f, lost: true, dialled: dialled}) }

func (n *notices) put(one notice) {
	n.queue.Lock()
	n.queue.list = append(n.queue.list, one)
	n.queue.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notices) take() []notice {
	n.queue.Lock()
	defer n.queue.Unlock()
	list := n.queue.list
	n.queue.list = nil
	return list
}

// loop runs until done is closed. What has not been told by then is not told.
func (n *notices) loop(h Handler, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-n.wake:
		}
		for _, one := range n.take() {
			select {
			case <-done:
				return
			default:
			}
			if one.lost {
				h.Lost(one.flow, one.dialled)
			} else {
				h.Failed(one.flow, one.token)
			}
		}
	}
}
