package shard_test

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"

	"mask700/sip/message"
	"mask700/sip/shard"
)

// guard searches every message that leaves for what its receiver must not
// learn: the secrets of every other party, and tokens of ours that another
// party has seen, by which two legs could be matched.
type guard struct {
	read    func([]byte) (*message.Message, *message.Fault)
	parties []*secrets
	tokens  map[string]seen            // who has seen it
	call    func(callID string) string // whose leg has a Call-ID; "": no call's
	passed  map[string]*secrets        // messages that have been looked at, and to whom they went
}

// seen is where a token of ours was.
type seen struct {
	by   *secrets
	call string
}

// secrets are the byte strings of one party.
type secrets struct {
	name    string
	hosts   []netip.AddrPort // its address first, then those of proxies before it
	number  string           // national
	own     [][]byte
	network string // the addresses of its side
}

func newGuard(read func([]byte) (*message.Message, *message.Fault), call func(callID string) string) *guard {
	return &guard{read: read, call: call, tokens: map[string]seen{}, passed: map[string]*secrets{}}
}

// add takes a party: its number, its address, and texts that only it writes.
func (g *guard) add(name, number, host string, texts ...string) *secrets {
	s := &secrets{name: name, number: number, hosts: []netip.AddrPort{netip.MustParseAddrPort(host)}, network: outsideNet}
	if strings.HasPrefix(host, insideNet) {
		s.network = insideNet
	}
	s.learn(notations(number)...)
	s.learn(texts...)
	address, _, _ := strings.Cut(host, ":")
	s.learn(address+":", address+"\r", address+">", address+";", address+" ")
	g.parties = append(g.parties, s)
	return s
}

func (s *secrets) learn(texts ...string) {
	for _, t := range texts {
		if t != "" {
			s.own = append(s.own, []byte(t))
		}
	}
}

// notations are the ways in which a number can be written.
func notations(national string) []string {
	bare := strings.TrimPrefix(national, "0")
	list := []string{bare} // part of 0…, 86…, +86… and 0086… too
	for _, sep := range []string{"-", " ", ".", "%20"} {
		list = append(list, bare[:3]+sep+bare[3:7]+sep+bare[7:], bare[:2]+sep+bare[2:6]+sep+bare[6:])
	}
	var percent, hex, reversed, swapped strings.Builder
	for i := range len(bare) {
		percent.WriteString("%3" + bare[i:i+1])
		hex.WriteString("3" + bare[i:i+1])
		reversed.WriteByte(bare[len(bare)-1-i])
	}
	padded := bare + strings.Repeat("f", len(bare)%2)
	for i := 0; i < len(padded); i += 2 { // BCD as ISUP has it
		swapped.WriteString(padded[i+1:i+2] + padded[i:i+1])
	}
	list = append(list, percent.String(), hex.String(), reversed.String(), swapped.String())
	for _, form := range []string{bare, "86" + bare, "+86" + bare, "0" + bare} {
		list = append(list, strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(form)), "="))
	}
	return list
}

// receiver finds who a message goes to: by its address, behind a switch by the number
// in To or the Request-URI, of whichever is a party there.
func (g *guard) receiver(s shard.Send) *secrets {
	for _, p := range g.parties {
		if slices.Contains(p.hosts, s.Flow.Remote) {
			return p
		}
	}
	there := func(p *secrets) bool { return strings.HasPrefix(s.Flow.Remote.String(), p.network) }
	if m, _ := g.read(s.Bytes); m != nil && m.IsRequest() {
		for _, user := range []string{m.To.URI.User, m.Target.User} {
			for _, p := range g.parties {
				if user == p.number && there(p) {
					return p
				}
			}
		}
	}
	for _, p := range g.parties { // a proxy before it
		if there(p) {
			return p
		}
	}
	return nil
}

// check complains about a message that tells its receiver too much.
func (g *guard) check(fail func(string, ...any), s shard.Send) {
	to := g.receiver(s)
	if to == nil {
		fail("a message to nobody, %v:\n%s", s.Flow.Remote, s.Bytes)
		return
	}
	if g.passed[string(s.Bytes)] == to {
		return // it is sent again
	}
	g.passed[string(s.Bytes)] = to
	for _, p := range g.parties {
		if p == to {
			continue
		}
		for _, secret := range p.own {
			if bytes.Contains(s.Bytes, secret) {
				fail("%s learns %q of %s:\n%s", to.name, secret, p.name, s.Bytes)
			}
		}
	}
	for _, network := range []string{insideNet, outsideNet} {
		if network != to.network && bytes.Contains(s.Bytes, []byte(network)) {
			fail("%s sees the other network:\n%s", to.name, s.Bytes)
		}
	}
	here := seen{by: to}
	if m, _ := g.read(s.Bytes); m != nil {
		here.call = g.call(m.CallID)
	}
	for _, token := range tokens(s.Bytes) {
		switch there := g.tokens[token]; {
		case there.by == nil, there.by == to:
			g.tokens[token] = here
		case strings.HasPrefix(token, "session ") && there.call != here.call:
			// Six digits are drawn twice now and then; those of one call never.
		default:
			fail("%s sees %q, which %s has seen:\n%s", to.name, token, there.by.name, s.Bytes)
		}
	}
}

// tokens finds what could tell that two messages belong together: runs of 24
// letters and more, the session ids of descriptions, and the keys in them.
func tokens(b []byte) []string {
	var list []string
	start := 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] >= 'a' && b[i] <= 'z' {
			continue
		}
		if i-start >= 24 {
			list = append(list, string(b[start:i]))
		}
		start = i + 1
	}
	if _, rest, ok := bytes.Cut(b, []byte("\r\no=")); ok {
		if f := bytes.Fields(rest); len(f) > 1 {
			list = append(list, "session "+string(f[1]))
		}
	}
	for rest := b; ; {
		_, key, ok := bytes.Cut(rest, []byte("inline:"))
		if !ok {
			return list
		}
		rest = key
		if end := bytes.IndexAny(key, "|\r\n "); end >= 0 {
			key = key[:end]
		}
		list = append(list, "key "+string(key))
	}
}
