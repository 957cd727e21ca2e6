// Package transaction holds the SIP transaction state machines of RFC 3261
// section 17 with the corrections of RFC 6026, as plain data.
//
// A Machine is stepped with what happened and answers with what is to be done
// and which timers to start. It keeps no message, no clock and no socket: its
// owner remembers the bytes to send again and turns durations into timers. A
// machine has at most two timers running, so the thirteen letters of the RFC
// fold into two roles:
//
//	Retransmit   A (INVITE client), E (client), G (INVITE server); how long the 100
//	             of a server waits (RFC 4320 section 4.1), which has no letter
//	Deadline     B, D, M (INVITE client), F, K (client), H, I, L (INVITE server), J (server)
package transaction

import "time"

// Timers are the base values of RFC 3261 section 17.1.1.1.
type Timers struct {
	T1 time.Duration // round-trip estimate, 500 ms
	T2 time.Duration // longest retransmission interval, 4 s
	T4 time.Duration // longest life of a message in the network, 5 s
}

// DefaultTimers returns the values that RFC 3261 recommends.
func DefaultTimers() Timers {
	return Timers{T1: 500 * time.Millisecond, T2: 4 * time.Second, T4: 5 * time.Second}
}

// Timeout is 64*T1, the life of timers B, F, H, J, L and M.
func (t Timers) Timeout() time.Duration { return 64 * t.T1 }

// patience is how long timer E takes to reach T2: until then a request that is not
// an INVITE may go without a response, and has to have one from then on (RFC 4320
// section 4.1).
func (t Timers) patience() time.Duration {
	sum, interval := time.Duration(0), t.T1
	for interval > 0 && interval < t.T2 {
		sum += interval
		interval *= 2
	}
	return sum
}

// lingerD is how long an INVITE client on UDP absorbs repeated final responses
// (timer D: at least 32 s).
func (t Timers) lingerD() time.Duration { return t.Timeout() }

// Kind says which of the four machines of RFC 3261 section 17 this is.
type Kind uint8

// The four machines.
const (
	InviteClient Kind = iota // section 17.1.1, RFC 6026 section 7.2
	Client                   // section 17.1.2
	InviteServer             // section 17.2.1, RFC 6026 section 7.1
	Server                   // section 17.2.2
)

// State is where a machine stands.
type State uint8

// The states of all four machines. Calling belongs to the INVITE client,
// Trying to both non-INVITE machines, Confirmed to the INVITE server, Accepted
// to the two INVITE machines.
const (
	Calling State = iota
	Trying
	Proceeding
	Completed
	Confirmed
	Accepted
	Terminated
)

var stateNames = [...]string{"calling", "trying", "proceeding", "completed", "confirmed", "accepted", "terminated"}

// String names the state as the RFC does.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// Input is one thing that happened to a transaction.
type Input uint8

// Inputs. For a client, responses are those received; for a server, those
// that its user wants sent.
const (
	Begin        Input = iota // the transaction starts: a request to send, or one just received
	Provisional               // 1xx
	Success                   // 2xx
	Failure                   // 3xx to 6xx
	Repeat                    // server: the request was received again
	Ack                       // INVITE server: an ACK was received
	RetransmitAt              // the Retransmit timer fired
	DeadlineAt                // the Deadline timer fired
	Broken                    // the transport could not deliver
	Abandon                   // the user gives up: no final response will be waited for
)

// Do is a set of things the owner has to do after a step.
type Do uint8

// What may have to be done.
const (
	Send      Do = 1 << iota // send the message just given (a client's request, a server's response)
	Resend                   // send the last message again
	SendAck                  // INVITE client: send the ACK of the final response (section 17.1.1.3)
	Deliver                  // hand the message to the transaction's user
	Timeout                  // tell the user that no answer (or no ACK) came
	Failed                   // tell the user that the transport failed
	SayTrying                // server: send a 100, for no response was given in good time
)

// Has reports whether every bit of d is set.
func (do Do) Has(d Do) bool { return do&d == d }

// Timer changes in an Outcome: Keep leaves a timer alone, Stop ends it, any
// positive duration starts it anew.
const (
	Keep time.Duration = 0
	Stop time.Duration = -1
)

// Outcome is the answer of a step.
type Outcome struct {
	Do         Do
	Retransmit time.Duration // Keep, Stop or the time until RetransmitAt
	Deadline   time.Duration // Keep, Stop or the time until DeadlineAt
}

// Machine is one transaction's state: plain data that may be copied, stored
// and restored.
type Machine struct {
	Kind     Kind
	State    State
	Reliable bool          // the transport retransmits by itself (TCP, TLS)
	Interval time.Duration // the running retransmission interval
}

// New returns a machine that has yet to receive Begin.
func New(kind Kind, reliable bool) Machine {
	m := Machine{Kind: kind, Reliable: reliable}
	switch kind {
	case InviteClient:
		m.State = Calling
	case InviteServer:
		m.State = Proceeding
	default:
		m.State = Trying
	}
	return m
}

// Done reports whether the transaction has ended and may be forgotten.
func (m *Machine) Done() bool { return m.State == Terminated }

// Step feeds one input. An input that means nothing in the present state does
// nothing.
func (m *Machine) Step(in Input, t Timers) Outcome {
	if m.State == Terminated {
		return Outcome{}
	}
	switch m.Kind {
	case InviteClient:
		return m.inviteClient(in, t)
	case Client:
		return m.client(in, t)
	case InviteServer:
		return m.inviteServer(in, t)
	default:
		return m.server(in, t)
	}
}

// end terminates the machine and stops both timers.
func (m *Machine) end(do Do) Outcome {
	m.State = Terminated
	return Outcome{Do: do, Retransmit: Stop, Deadline: Stop}
}

// linger moves to a state that only absorbs repeats, for d on an unreliable
// transport and not at all on a reliable one, where nothing repeats.
func (m *Machine) linger(s State, do Do, d time.Duration) Outcome {
	if m.Reliable {
		return m.end(do)
	}
	m.State = s
	return Outcome{Do: do, Retransmit: Stop, Deadline: d}
}

// again doubles the retransmission interval up to limit (0: without limit).
func (m *Machine) again(limit time.Duration) Outcome {
	m.Interval *= 2
	if limit > 0 && m.Interval > limit {
		m.Interval = limit
	}
	return Outcome{Do: Resend, Retransmit: m.Interval}
}

// retransmitEvery starts the retransmission timer at d, or leaves it off on a
// reliable transport.
func (m *Machine) retransmitEvery(d time.Duration) time.Duration {
	if m.Reliable {
		return Keep
	}
	m.Interval = d
	return d
}
