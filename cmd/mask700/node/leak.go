package node

import (
	"time"

	"mask700/sip/gateway"
	"mask700/store/audit"
)

// leaked writes a message that was stopped into the audit log.
func (n *Node) leaked(l gateway.Leak) {
	e := audit.Entry{Who: "gateway", What: "leak.stopped", Object: l.Record, Reason: l.Reason}
	if _, err := n.audit.Append(e, time.Now()); err != nil {
		n.log.Error("a message that was stopped is not in the audit log", "call", l.Record, "error", err)
	}
}
