package shard_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mask700/sip/flow"
	"mask700/sip/phone"
	"mask700/sip/transaction"
)

// ephemeral is the port from which a phone connects.
const ephemeral = 40404

// handset is a phone on a network.
type handset struct {
	*phone.Phone
	name, number string
	secrets      *secrets
	host         netip.AddrPort
	flow         flow.Flow // as the gateway sees it
	behaviour    phone.Behaviour
	dark, light  time.Time // it has no network in between
	ended        time.Time // when its call ended
	talked       bool
	forgot       bool            // it has been switched off and on again
	rings        string          // branch of the INVITE of the last call that rang
	twin         *handset        // a second phone of the same number: the switch lets both ring
	second       bool            // it is one
	refused      map[string]bool // branches of INVITEs that it has refused
	copies       map[string]int  // of each message from and to it, as long as none has arrived; then -1
	in, out      time.Time       // when the last message of a stream arrived here, and there
	pressed      map[byte]int    // keys that it has told of, each once
}

// handset makes the phone of a number, or the two phones.
func (p *run) handset(side uint16, i int, network flow.Network) *handset {
	at := address(side, i)
	name := fmt.Sprintf("%s%c", []string{"inner", "outer"}[side], 'a'+i)
	number := fmt.Sprintf("1%d%08d", []int{38, 39}[side], 1000*(i+1)+int(p.seed%1000))
	party := p.world.guard.add(name, number, at.String(), "name-of-"+name, "agent-of-"+name, "origin-of-"+name)
	h := p.phone(party, at, side, uint64(i), network)
	if network == flow.UDP && p.r.IntN(4) == 0 && h.behaviour.Doubt == phone.Trusting && !p.patient {
		h.twin = p.phone(party, address(side, i+50), side, uint64(i+50), network)
		h.twin.second = true
		h.twin.name += " twin"
	}
	return h
}

// phone makes a phone of a random behaviour.
func (p *run) phone(party *secrets, at netip.AddrPort, side uint16, i uint64, network flow.Network) *handset {
	r := p.r
	ring := time.Duration(r.IntN(8)) * time.Second * time.Duration(r.IntN(2))
	behaviour := behave(r)
	if p.patient {
		behaviour = patient(r, side == 0 && i == 0 && p.world.refers)
		if side == 1 && i == 1 { // whom the call is transferred to
			ring = 88 * time.Second // a refresh falls due as it answers
		}
	}
	h := &handset{
		name: party.name, number: party.number, secrets: party, host: at, behaviour: behaviour,
		refused: map[string]bool{}, copies: map[string]int{}, pressed: map[byte]int{},
		flow: flow.Flow{
			Listener: side, Network: network, Remote: at,
			Local: netip.MustParseAddrPort([]string{insideHost, outsideHost}[side]),
		},
	}
	if network.Reliable() {
		h.flow.Conn = uint64(1+side)*100 + i
		h.flow.Remote = netip.AddrPortFrom(at.Addr(), ephemeral)
	}
	session := 700_000_000_000 + uint64(side)*1000 + i
	voice := phone.Voice(netip.AddrPortFrom(at.Addr(), 40000), session, [][]int{{8, 0}, {8, 0}, {0, 8}, {8}, {0}}[r.IntN(5)]...)
	party.learn(fmt.Sprint(session))
	party.hosts = append(party.hosts, h.host, h.flow.Remote)
	headers := []string{"User-Agent: agent-of-" + party.name, "P-Asserted-Identity: <sip:" + h.number + "@" + at.String() + ">"}
	if r.IntN(6) == 0 { // its switch stays in the way
		headers = append(headers, "Record-Route: <sip:"+[]string{insideHop, outsideHop}[side]+";lr>")
	}
	if i >= 50 {
		h.behaviour.Doubt = phone.Trusting // one switch, one mind
	}
	realm := "realm-of-" + party.name
	party.learn(realm)
	h.Phone = phone.New(phone.Config{
		Account: phone.Account{User: account.User, Password: accountPassword, Realm: realm},
		User:    h.number, Host: at.String(), Server: h.flow.Local.String(), Network: network, Mint: p.mint,
		Timers: transaction.DefaultTimers(), Ring: ring,
		SDP: func(offer []byte) []byte {
			body := voice(offer)
			if body == nil {
				return nil
			}
			return []byte(strings.Replace(string(body), "o=-", "o=origin-of-"+party.name, 1))
		},
		Name:      "name-of-" + party.name,
		Headers:   headers,
		Behaviour: h.behaviour,
	}, epoch)
	if r.IntN(6) == 0 && !p.patient {
		h.dark = epoch.Add(time.Duration(r.IntN(10_000)) * time.Millisecond)
		h.light = h.dark.Add([]time.Duration{3 * time.Second, 20 * time.Second, 2 * time.Minute}[r.IntN(3)])
	}
	p.handsets = append(p.handsets, h)
	return h
}

// talks reports whether one of the phones of a number does.
func (h *handset) talks() bool { return h.talking() != nil }

// talking is the phone of a number that talks, nil: none.
func (h *handset) talking() *handset {
	for ; h != nil; h = h.twin {
		if h.State() == phone.Talking {
			return h
		}
	}
	return nil
}

// unreachable reports whether a phone of the number cannot be expected to be where
// the other is: it has lost its memory, or all repetitions of a message, or names
// itself by two tags of which the gateway may know the wrong one, or sends requests
// that may overtake the answer that makes their dialog.
func (h *handset) unreachable() bool {
	b := &h.behaviour
	return b.DeadAfter > 0 || h.forgot || b.OtherTag || b.EagerBye || b.EagerReinvite || h.starved() ||
		h.twin != nil && h.twin.unreachable()
}

// count notes a copy of a message from or to the handset, and how often it
// arrives.
func (h *handset) count(b []byte, arrives int) {
	switch {
	case arrives > 0:
		h.copies[string(b)] = -1
	case h.copies[string(b)] >= 0:
		h.copies[string(b)]++
	}
}

// starved reports whether all copies of a message were lost that was repeated to
// the end: seven is what there are of an INVITE. A stream holds back what it
// cannot bring, for longer than anyone waits.
func (h *handset) starved() bool {
	if h.flow.Network.Reliable() && h.light.Sub(h.dark) > transaction.DefaultTimers().Timeout() {
		return true
	}
	for _, n := range h.copies {
		if n >= 7 {
			return true
		}
	}
	return false
}

// cut reports whether the handset has no network.
func (h *handset) cut(now time.Time) bool { return now.After(h.dark) && now.Before(h.light) }

// address is the place of a handset in its network.
func address(side uint16, i int) netip.AddrPort {
	base := [2]netip.Addr{netip.MustParseAddr(insideNet + "100"), netip.MustParseAddr(outsideNet + "100")}[side].As4()
	base[3] += byte(i)
	return netip.AddrPortFrom(netip.AddrFrom4(base), 5060)
}
