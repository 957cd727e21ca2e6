//go:build leaky

package call

import (
	"bytes"
	"strconv"

	"mask700/sip/message"
)

// This file breaks the construction on purpose, for the tests that show that a leak
// is noticed. It is in no program: a build with the tag leaky serves these tests
// alone. From the leg of the other party it copies
//
//   - From, or To, with number, display name and host, as P-Asserted-Identity;
//   - where its audio is, as a line of the session description.

// Leaky chooses what is broken: a request by its method, a response to an INVITE by
// its status. Tests may set it while no shard runs.
var Leaky = func(what string) bool { return what == "INVITE" || what == "180" || what == "183" || what == "200" }

func leakRequest(c *Call, to Side, r *message.Request) {
	if Leaky(r.Method) {
		r.Identity = c.leak(to)
		r.Body = c.leakLine(to, r.Body)
	}
}

func leakResponse(c *Call, to Side, r *message.Response) {
	if Leaky(strconv.Itoa(r.Status)) {
		r.Identity = c.leak(to)
		r.Body = c.leakLine(to, r.Body)
	}
}

// leak is who the other party is.
func (c *Call) leak(to Side) string {
	if to == Third {
		return c.leg(c.Transfers[0].By.Other()).To
	}
	return c.leg(to.Other()).To
}

// leakLine adds where the audio of the other party is to a description.
func (c *Call) leakLine(to Side, body []byte) []byte {
	if to == Third || !bytes.HasPrefix(body, []byte("v=0")) {
		return body
	}
	for _, line := range c.leg(to.Other()).SDP.Peer.Lines {
		return append(bytes.Clone(body), "a=rtcp:"+strconv.Itoa(int(line.Port))+" IN IP4 "+line.Addr.String()+"\r\n"...)
	}
	return body
}
