package call

import (
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// referAllowed is the setting of a trunk whose parties may transfer calls.
const referAllowed = trunk.ReferAllow

// referred takes a REFER.
func (c *Call) referred(env *Env, s Side, back Reply, m *message.Message) {
	c.reply(env, back, message.Response{Status: 603})
}
