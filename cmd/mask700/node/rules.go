package node

import "mask700/binding/rule"

// rules are asked after the match, in this order: those that only look something up before those that wait for others.
func (n *Node) rules() rule.Chain {
	all := rule.Chain{rule.Tenants{Tenant: n.db.Tenant}, rule.Bars{Store: n.db, Logger: n.log}, n.limits.judge}
	if n.platforms.verify != nil {
		all = append(all, n.platforms.verify)
	}
	return all
}
