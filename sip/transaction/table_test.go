package transaction

import (
	"testing"
	"time"
)

// The durations of the default timers, as the tables below name them.
const (
	half = 500 * time.Millisecond
	four = 4 * time.Second
	five = 5 * time.Second
	life = 32 * time.Second
	// RFC 4320 section 4.1: 500 ms, 1 s and 2 s, as timer E goes.
	patience = 3500 * time.Millisecond
	nought   = Do(0)
)

// row is what one input does in one state. A zero retransmit or deadline means
// that the timer is left alone.
type row struct {
	from       State
	in         Input
	do         Do
	to         State
	retransmit time.Duration
	deadline   time.Duration
}

// machines lists, for each kind and transport, every state that can be reached
// and every input that means something in it. Whatever is not listed must do
// nothing at all: the tests try it.
var machines = []struct {
	name     string
	kind     Kind
	reliable bool
	states   []State
	rows     []row
}{
	{
		name: "invite client, udp (RFC 3261 section 17.1.1.2, RFC 6026 section 7.2)", kind: InviteClient,
		states: []State{Calling, Proceeding, Completed, Accepted},
		rows: []row{
			{Calling, Begin, Send, Calling, half, life},
			{Calling, Provisional, Deliver, Proceeding, Stop, Stop},
			{Calling, Success, Deliver, Accepted, Stop, life},
			{Calling, Failure, SendAck | Deliver, Completed, Stop, life},
			{Calling, RetransmitAt, Resend, Calling, time.Second, Keep},
			{Calling, DeadlineAt, Timeout, Terminated, Stop, Stop},
			{Calling, Broken, Failed, Terminated, Stop, Stop},
			{Calling, Abandon, nought, Terminated, Stop, Stop},
			{Proceeding, Provisional, Deliver, Proceeding, Stop, Stop},
			{Proceeding, Success, Deliver, Accepted, Stop, life},
			{Proceeding, Failure, SendAck | Deliver, Completed, Stop, life},
			{Proceeding, Broken, Failed, Terminated, Stop, Stop},
			{Proceeding, Abandon, nought, Terminated, Stop, Stop},
			{Completed, Failure, SendAck, Completed, Keep, Keep},
			{Completed, DeadlineAt, nought, Terminated, Stop, Stop},
			{Accepted, Success, Deliver, Accepted, Keep, Keep},
			{Accepted, DeadlineAt, nought, Terminated, Stop, Stop},
		},
	},
	{
		name: "invite client, tcp", kind: InviteClient, reliable: true,
		states: []State{Calling, Proceeding, Accepted},
		rows: []row{
			{Calling, Begin, Send, Calling, Keep, life},
			{Calling, Provisional, Deliver, Proceeding, Stop, Stop},
			{Calling, Success, Deliver, Accepted, Stop, life},
			{Calling, Failure, SendAck | Deliver, Terminated, Stop, Stop},
			{Calling, DeadlineAt, Timeout, Terminated, Stop, Stop},
			{Calling, Broken, Failed, Terminated, Stop, Stop},
			{Calling, Abandon, nought, Terminated, Stop, Stop},
			{Proceeding, Provisional, Deliver, Proceeding, Stop, Stop},
			{Proceeding, Success, Deliver, Accepted, Stop, life},
			{Proceeding, Failure, SendAck | Deliver, Terminated, Stop, Stop},
			{Proceeding, Broken, Failed, Terminated, Stop, Stop},
			{Proceeding, Abandon, nought, Terminated, Stop, Stop},
			{Accepted, Success, Deliver, Accepted, Keep, Keep},
			{Accepted, DeadlineAt, nought, Terminated, Stop, Stop},
		},
	},
	{
		name: "client, udp (section 17.1.2.2)", kind: Client,
		states: []State{Trying, Proceeding, Completed},
		rows: []row{
			{Trying, Begin, Send, Trying, half, life},
			{Trying, Provisional, Deliver, Proceeding, four, Keep},
			{Trying, Success, Deliver, Completed, Stop, five},
			{Trying, Failure, Deliver, Completed, Stop, five},
			{Trying, RetransmitAt, Resend, Trying, time.Second, Keep},
			{Trying, DeadlineAt, Timeout, Terminated, Stop, Stop},
			{Trying, Broken, Failed, Terminated, Stop, Stop},
			{Trying, Abandon, nought, Terminated, Stop, Stop},
			{Proceeding, Provisional, Deliver, Proceeding, Keep, Keep},
			{Proceeding, Success, Deliver, Completed, Stop, five},
			{Proceeding, Failure, Deliver, Completed, Stop, five},
			{Proceeding, RetransmitAt, Resend, Proceeding, four, Keep},
			{Proceeding, DeadlineAt, Timeout, Terminated, Stop, Stop},
			{Proceeding, Broken, Failed, Terminated, Stop, Stop},
			{Proceeding, Abandon, nought, Terminated, Stop, Stop},
			{Completed, DeadlineAt, nought, Terminated, Stop, Stop},
		},
	},
	{
		name: "client, tcp", kind: Client, reliable: true,
		states: []State{Trying, Proceeding},
		rows: []row{
			{Trying, Begin, Send, Trying, Keep, life},
			{Trying, Provisional, Deliver, Proceeding, Keep, Keep},
			{Trying, Success, Deliver, Terminated, Stop, Stop},
			{Trying, Failure, Deliver, Terminated, Stop, Stop},
			{Trying, DeadlineAt, Timeout, Terminated, Stop, Stop},
			{Trying, Broken, Failed, Terminated, Stop, Stop},
			{Trying, Abandon, nought, Terminated, Stop, Stop},
			{Proceeding, Provisional, Deliver, Proceeding, Keep, Keep},
			{Proceeding, Success, Deliver, Terminated, Stop, Stop},
			{Proceeding, Failure, Deliver, Terminated, Stop, Stop},
			{Proceeding, DeadlineAt, Timeout, Terminated, Stop, Stop},
			{Proceeding, Broken, Failed, Terminated, Stop, Stop},
			{Proceeding, Abandon, nought, Terminated, Stop, Stop},
		},
	},
	{
		name: "invite server, udp (section 17.2.1, RFC 6026 section 7.1)", kind: InviteServer,
		states: []State{Proceeding, Completed, Confirmed, Accepted},
		rows: []row{
			{Proceeding, Begin, Deliver, Proceeding, Keep, Keep},
			{Proceeding, Repeat, Resend, Proceeding, Keep, Keep},
			{Proceeding, Provisional, Send, Proceeding, Keep, Keep},
			{Proceeding, Success, Send, Accepted, Keep, life},
			{Proceeding, Failure, Send, Completed, half, life},
			{Proceeding, Broken, Failed, Proceeding, Keep, Keep},
			{Proceeding, Abandon, nought, Terminated, Stop, Stop},
			{Completed, Repeat, Resend, Completed, Keep, Keep},
			{Completed, RetransmitAt, Resend, Completed, time.Second, Keep},
			{Completed, Ack, nought, Confirmed, Stop, five},
			{Completed, DeadlineAt, Timeout, Terminated, Stop, Stop},
			{Confirmed, DeadlineAt, nought, Terminated, Stop, Stop},
			{Accepted, Success, Send, Accepted, Keep, Keep},
			{Accepted, Ack, Deliver, Accepted, Keep, Keep},
			{Accepted, Broken, Failed, Accepted, Keep, Keep},
			{Accepted, DeadlineAt, nought, Terminated, Stop, Stop},
		},
	},
	{
		name: "invite server, tcp", kind: InviteServer, reliable: true,
		states: []State{Proceeding, Completed, Accepted},
		rows: []row{
			{Proceeding, Begin, Deliver, Proceeding, Keep, Keep},
			{Proceeding, Repeat, Resend, Proceeding, Keep, Keep},
			{Proceeding, Provisional, Send, Proceeding, Keep, Keep},
			{Proceeding, Success, Send, Accepted, Keep, life},
			{Proceeding, Failure, Send, Completed, Keep, life},
			{Proceeding, Broken, Failed, Proceeding, Keep, Keep},
			{Proceeding, Abandon, nought, Terminated, Stop, Stop},
			{Completed, Repeat, Resend, Completed, Keep, Keep},
			{Completed, Ack, nought, Terminated, Stop, Stop},
			{Completed, DeadlineAt, Timeout, Terminated, Stop, Stop},
			{Accepted, Success, Send, Accepted, Keep, Keep},
			{Accepted, Ack, Deliver, Accepted, Keep, Keep},
			{Accepted, Broken, Failed, Accepted, Keep, Keep},
			{Accepted, DeadlineAt, nought, Terminated, Stop, Stop},
		},
	},
	{
		name: "server, udp (section 17.2.2)", kind: Server,
		states: []State{Trying, Proceeding, Completed},
		rows: []row{
			{Trying, Begin, Deliver, Trying, patience, Keep},
			{Trying, RetransmitAt, SayTrying, Proceeding, Keep, Keep},
			{Trying, Provisional, Send, Proceeding, Stop, Keep},
			{Trying, Success, Send, Completed, Stop, life},
			{Trying, Failure, Send, Completed, Stop, life},
			{Trying, Broken, Failed, Trying, Keep, Keep},
			{Trying, Abandon, nought, Terminated, Stop, Stop},
			{Proceeding, Repeat, Resend, Proceeding, Keep, Keep},
			{Proceeding, Provisional, Send, Proceeding, Stop, Keep},
			{Proceeding, Success, Send, Completed, Stop, life},
			{Proceeding, Failure, Send, Completed, Stop, life},
			{Proceeding, Broken, Failed, Proceeding, Keep, Keep},
			{Proceeding, Abandon, nought, Terminated, Stop, Stop},
			{Completed, Repeat, Resend, Completed, Keep, Keep},
			{Completed, DeadlineAt, nought, Terminated, Stop, Stop},
		},
	},
	{
		name: "server, tcp", kind: Server, reliable: true,
		states: []State{Trying, Proceeding, Completed},
		rows: []row{
			{Trying, Begin, Deliver, Trying, patience, Keep},
			{Trying, RetransmitAt, SayTrying, Proceeding, Keep, Keep},
			{Trying, Provisional, Send, Proceeding, Stop, Keep},
			{Trying, Success, Send, Completed, Stop, five},
			{Trying, Failure, Send, Completed, Stop, five},
			{Trying, Broken, Failed, Trying, Keep, Keep},
			{Trying, Abandon, nought, Terminated, Stop, Stop},
			{Proceeding, Repeat, Resend, Proceeding, Keep, Keep},
			{Proceeding, Provisional, Send, Proceeding, Stop, Keep},
			{Proceeding, Success, Send, Completed, Stop, five},
			{Proceeding, Failure, Send, Completed, Stop, five},
			{Proceeding, Broken, Failed, Proceeding, Keep, Keep},
			{Proceeding, Abandon, nought, Terminated, Stop, Stop},
			{Completed, Repeat, Resend, Completed, Keep, Keep},
			{Completed, DeadlineAt, nought, Terminated, Stop, Stop},
		},
	},
}

// machine puts a machine into a state as its own steps would have left it.
func (r row) machine(kind Kind, reliable bool) Machine {
	m := New(kind, reliable)
	m.State = r.from
	if !reliable {
		m.Interval = half
		if kind == Client && r.from == Proceeding {
			m.Interval = four
		}
	}
	return m
}

func TestEveryStateAndInput(t *testing.T) {
	for _, test := range machines {
		t.Run(test.name, func(t *testing.T) {
			listed := map[State]map[Input]row{}
			for _, r := range test.rows {
				if listed[r.from] == nil {
					listed[r.from] = map[Input]row{}
				}
				listed[r.from][r.in] = r
			}
			for _, from := range test.states {
				for in := Begin; in <= Abandon; in++ {
					if in == Begin && from != New(test.kind, test.reliable).State {
						continue // a transaction begins once
					}
					if in == RetransmitAt && test.reliable && test.kind != Server {
						continue // never started, so it cannot fire
					}
					r, ok := listed[from][in]
					if !ok {
						r = row{from: from, in: in, to: from}
					}
					m := r.machine(test.kind, test.reliable)
					got := m.Step(in, DefaultTimers())
					want := Outcome{Do: r.do, Retransmit: r.retransmit, Deadline: r.deadline}
					if got != want || m.State != r.to {
						t.Errorf("%v, input %d: %+v and then %v, want %+v and then %v",
							from, in, got, m.State, want, r.to)
					}
				}
			}
		})
	}
}

func TestTerminatedDoesNothing(t *testing.T) {
	for kind := InviteClient; kind <= Server; kind++ {
		m := New(kind, false)
		m.State = Terminated
		for in := Begin; in <= Abandon; in++ {
			if got := m.Step(in, DefaultTimers()); got != (Outcome{}) || !m.Done() {
				t.Errorf("kind %d, input %d: %+v after the end", kind, in, got)
			}
		}
	}
}

func TestStatesHaveNames(t *testing.T) {
	for s, want := range map[State]string{
		Calling: "calling", Trying: "trying", Proceeding: "proceeding", Completed: "completed",
		Confirmed: "confirmed", Accepted: "accepted", Terminated: "terminated", Terminated + 1: "unknown",
	} {
		if s.String() != want {
			t.Errorf("state %d is called %q, want %q", s, s, want)
		}
	}
}
