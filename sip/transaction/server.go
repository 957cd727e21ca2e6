package transaction

// inviteServer is RFC 3261 figure 7 with the Accepted state of RFC 6026:
//
//	INVITE again: resend 1xx -> [ Proceeding ] <- 1xx from the user: send
//	                              |        |
//	      3xx-6xx: send, G, H     |        |  2xx: send, L
//	                              v        v
//	INVITE, G: resend -> [ Completed ]  [ Accepted ] <- 2xx again: send
//	                    ACK |   | H        | |  ACK: deliver
//	                        v   `-> timeout| L
//	                 [ Confirmed ] -- I -> [ Terminated ]
//
// In Accepted the INVITE is absorbed: repeating a 2xx is the dialog's work
// (section 13.3.1.4), since only it knows when the ACK has come.
func (m *Machine) inviteServer(in Input, t Timers) Outcome {
	switch m.State {
	case Proceeding:
		switch in {
		case Begin:
			return Outcome{Do: Deliver}
		case Repeat:
			return Outcome{Do: Resend}
		case Provisional:
			return Outcome{Do: Send}
		case Success:
			m.State = Accepted
			return Outcome{Do: Send, Deadline: t.Timeout()}
		case Failure:
			m.State = Completed
			return Outcome{Do: Send, Retransmit: m.retransmitEvery(t.T1), Deadline: t.Timeout()}
		case Broken:
			return Outcome{Do: Failed}
		case Abandon:
			return m.end(0)
		}
	case Completed:
		switch in {
		case Repeat:
			return Outcome{Do: Resend}
		case RetransmitAt:
			return m.again(t.T2)
		case Ack:
			return m.linger(Confirmed, 0, t.T4)
		case DeadlineAt:
			return m.end(Timeout)
		}
	case Confirmed:
		if in == DeadlineAt {
			return m.end(0)
		}
	case Accepted:
		switch in {
		case Success:
			return Outcome{Do: Send}
		case Ack:
			return Outcome{Do: Deliver}
		case Broken:
			return Outcome{Do: Failed}
		case DeadlineAt:
			return m.end(0)
		}
	}
	return Outcome{}
}

// server is RFC 3261 figure 8:
//
//	request again: nothing -> [ Trying ] -- 1xx, or     -> [ Proceeding ] <- request again: resend
//	                              |         100 at last         |
//	                              `------ 2xx-6xx: send --------'
//	                                          v
//	                request again: resend -> [ Completed ] -- J --> [ Terminated ]
//
// On a stream nothing repeats, but the connection may turn out to be gone when the
// final response is to be written on it: it is kept for J all the same, if only T4 of
// it, so that its owner can send it on another (section 18.2.2).
//
// No 408 is ever sent to a request that was not an INVITE (RFC 4320 section 4.2):
// the machine has no input for it, its user has to refrain.
func (m *Machine) server(in Input, t Timers) Outcome {
	switch m.State {
	case Trying, Proceeding:
		switch in {
		case Begin:
			return Outcome{Do: Deliver, Retransmit: t.patience()}
		case Repeat:
			if m.State == Proceeding {
				return Outcome{Do: Resend}
			}
		case RetransmitAt:
			if m.State == Trying {
				m.State = Proceeding
				return Outcome{Do: SayTrying}
			}
		case Provisional:
			m.State = Proceeding
			return Outcome{Do: Send, Retransmit: Stop}
		case Success, Failure:
			m.State = Completed
			keep := t.Timeout()
			if m.Reliable {
				keep = t.T4
			}
			return Outcome{Do: Send, Retransmit: Stop, Deadline: keep}
		case Broken:
			return Outcome{Do: Failed}
		case Abandon:
			return m.end(0)
		}
	case Completed:
		switch in {
		case Repeat:
			return Outcome{Do: Resend}
		case DeadlineAt:
			return m.end(0)
		}
	}
	return Outcome{}
}
