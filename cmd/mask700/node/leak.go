package node

import (
	"time"

	"mask700/sip/gateway"
	"mask700/store/audit"
)

// leaked writes a message that was stopped into the audit log. After an error it is asked to again.
func (n *Node) leaked(l gateway.Leak) error {
	object := l.Record
	if object == "" {
		object = "further calls"
	}
	e := audit.Entry{Who: "gateway", What: "leak.stopped", Object: object, Reason: l.Reason}
	_, err := n.audit.Append(e, time.Now())
	if err != nil {
		n.log.Error("a message that was stopped is not in the audit log yet", "call", object, "error", err)
	}
	return err
}
