package transaction

// inviteClient is RFC 3261 figure 5 with the Accepted state of RFC 6026:
//
//	                 Begin: send, A, B
//	                      |
//	A: resend ->  [ Calling ] -- B: timeout, Broken -------------.
//	               | 1xx   |  |                                  |
//	               v       |  `--- 2xx ----------.               |
//	1xx -> [ Proceeding ]--+------ 2xx --------. |               |
//	               |       |                   v v               |
//	               | 3xx-6xx: ACK           [ Accepted ] <- 2xx  |
//	               v       v                     | M             |
//	3xx-6xx: ACK -> [ Completed ] ---- D ------> [ Terminated ] <'
//
// The wait in Proceeding has no timer of its own: how long a phone may ring is
// the call's to say (timer C belongs to its user, not to this machine).
func (m *Machine) inviteClient(in Input, t Timers) Outcome {
	switch m.State {
	case Calling, Proceeding:
		switch in {
		case Begin:
			return Outcome{Do: Send, Retransmit: m.retransmitEvery(t.T1), Deadline: t.Timeout()}
		case Provisional:
			m.State = Proceeding
			return Outcome{Do: Deliver, Retransmit: Stop, Deadline: Stop}
		case Success:
			m.State = Accepted
			return Outcome{Do: Deliver, Retransmit: Stop, Deadline: t.Timeout()}
		case Failure:
			return m.linger(Completed, SendAck|Deliver, t.lingerD())
		case RetransmitAt:
			if m.State == Calling {
				return m.again(0)
			}
		case DeadlineAt:
			if m.State == Calling {
				return m.end(Timeout)
			}
		case Broken:
			return m.end(Failed)
		case Abandon:
			return m.end(0)
		}
	case Completed:
		switch in {
		case Failure:
			return Outcome{Do: SendAck}
		case DeadlineAt:
			return m.end(0)
		}
	case Accepted:
		switch in {
		case Success:
			return Outcome{Do: Deliver}
		case DeadlineAt:
			return m.end(0)
		}
	}
	return Outcome{}
}

// client is RFC 3261 figure 6:
//
//	Begin: send, E, F
//	   E: resend -> [ Trying ] -- 1xx --> [ Proceeding ] <- E: resend every T2
//	                    |   F: timeout, Broken |
//	                    `---- 2xx-6xx ---------'
//	                              v
//	                        [ Completed ] -- K --> [ Terminated ]
func (m *Machine) client(in Input, t Timers) Outcome {
	switch m.State {
	case Trying, Proceeding:
		switch in {
		case Begin:
			return Outcome{Do: Send, Retransmit: m.retransmitEvery(t.T1), Deadline: t.Timeout()}
		case Provisional:
			o := Outcome{Do: Deliver}
			if m.State == Trying {
				m.State = Proceeding
				o.Retransmit = m.retransmitEvery(t.T2)
			}
			return o
		case Success, Failure:
			return m.linger(Completed, Deliver, t.T4)
		case RetransmitAt:
			return m.again(t.T2)
		case DeadlineAt:
			return m.end(Timeout)
		case Broken:
			return m.end(Failed)
		case Abandon:
			return m.end(0)
		}
	case Completed:
		if in == DeadlineAt {
			return m.end(0)
		}
	}
	return Outcome{}
}
