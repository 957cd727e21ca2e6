package call

// Q.850 causes that this program gives of its own.
const (
	causeUnallocated = 1
	causeNormal      = 16
	causeBusy        = 17
	causeNoAnswer    = 19
	causeAbsent      = 20
	causeRejected    = 21
	causeNoRoute     = 3
	causeCongestion  = 34
	causeFault       = 41
	causeNoBearer    = 88
	causeRecovery    = 102
	causeInterwork   = 127
)

// outcome is what one failure of the callee's leg means on the caller's: the
// only responses that the caller can get, whatever the callee's side said.
// Redirections, challenges and everything that would tell more about the far
// side than a busy tone does fold into a few (leaks.md, timing and causes).
type outcome struct {
	status int
	q850   int
	end    string
}

// outcomeOf maps a final response of the callee's leg. 3xx are never followed
// or relayed: a Contact in them is somebody's number. A challenge (401, 407) is
// our trunk's trouble, not the caller's.
func outcomeOf(status int) outcome {
	switch status {
	case 486, 600:
		return outcome{486, causeBusy, endBusy}
	case 404, 410, 484, 485, 604:
		return outcome{404, causeUnallocated, endUnavailable}
	case 408:
		return outcome{480, causeNoAnswer, endNoAnswer}
	case 480, 430, 439:
		return outcome{480, causeAbsent, endUnavailable}
	case 487:
		return outcome{480, causeAbsent, endUnavailable}
	case 403, 603, 607, 608:
		return outcome{403, causeRejected, endRejected}
	case 415, 488, 606:
		return outcome{488, causeNoBearer, endFailed}
	}
	if status == 503 {
		return outcome{500, causeNoRoute, endUnavailable}
	}
	if status >= 300 && status < 400 {
		return outcome{480, causeAbsent, endUnavailable}
	}
	return outcome{500, causeNoRoute, endFailed}
}

// causeOf is the Q.850 cause that goes with a status of our own.
func causeOf(status int) int {
	switch status {
	case 404:
		return causeUnallocated
	case 484:
		return 28
	case 403:
		return causeRejected
	case 480:
		return causeAbsent
	case 486:
		return causeBusy
	case 487:
		return causeNormal
	case 488, 415:
		return causeNoBearer
	case 500:
		return causeNoRoute
	case 503:
		return causeCongestion
	default:
		return causeInterwork
	}
}
