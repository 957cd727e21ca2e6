package trunk

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mask700/binding"
)

// maxPrefix is the longest Prefix, in digits.
const maxPrefix = 8

// Validate reports what is wrong with the trunk alone, in one sentence that names
// the trunk and the setting. Values are not repeated: a number may have been
// written in the wrong place.
func (t *Trunk) Validate() error {
	if t.Name == "" {
		return errors.New("a trunk has no name; give it one")
	}
	if err := t.validate(); err != nil {
		return fmt.Errorf("trunk %s: %w", t.Name, err)
	}
	return nil
}

func (t *Trunk) validate() error {
	if len(t.Sources) == 0 && len(t.Targets) == 0 && len(t.TLSNames) == 0 {
		return errors.New("sources and targets are both empty; give at least one address")
	}
	for _, name := range t.TLSNames {
		if !isName(name) {
			return errors.New("tls_names has something that is no domain in a certificate; write sw1.example.net, without a wildcard")
		}
	}
	if t.TLSServerName != "" && !isHost(t.TLSServerName) {
		return errors.New("tls_server_name is not a host name or address")
	}
	for _, p := range t.Sources {
		if !p.IsValid() {
			return errors.New("sources has something that is not an address prefix; write 192.0.2.0/24")
		}
	}
	for _, target := range t.Targets {
		if err := target.validate(); err != nil {
			return err
		}
	}
	for i, field := range t.Caller {
		switch {
		case field != PAI && field != RPID && field != From:
			return errors.New("caller has something that is none of pai, rpid, from")
		case slices.Contains(t.Caller[:i], field):
			return errors.New("caller has the same header twice; name each once")
		}
	}
	switch {
	case t.Numbers > binding.International:
		return errors.New("numbers is none of national, e164, plus, international")
	case len(t.Prefix) > maxPrefix || strings.Trim(t.Prefix, "0123456789") != "":
		return errors.New("prefix is not up to eight digits")
	case t.Prefix != "" && t.Numbers == binding.Plus:
		return errors.New("prefix cannot stand in front of a plus; choose another form for numbers")
	case t.Domain != "" && !isHost(t.Domain):
		return errors.New("domain is not a host name or address")
	case t.Pass == t.Name:
		return errors.New("pass names the trunk itself; name another one")
	}
	switch t.Identity {
	case "", IdentityNone, IdentityPAI, IdentityRPID:
	default:
		return errors.New("identity is none of none, pai, rpid")
	}
	switch t.Prompt {
	case "", PromptEarly, PromptAnswer, PromptNone:
	default:
		return errors.New("prompt is none of early, answer, none")
	}
	switch t.EarlyMedia {
	case "", EarlyPass, EarlyRinging:
	default:
		return errors.New("early_media is none of pass, ringing")
	}
	switch t.SRTP {
	case "", SRTPOff, SRTPAllow, SRTPRequire:
	default:
		return errors.New("srtp is none of off, allow, require")
	}
	switch t.T38 {
	case "", T38Refuse, T38Allow:
	default:
		return errors.New("t38 is neither refuse nor allow")
	}
	switch t.Video {
	case "", VideoRefuse, VideoAllow:
	default:
		return errors.New("video is neither refuse nor allow")
	}
	switch t.DTMF {
	case "", DTMFAuto, DTMFInfo, DTMFEvents:
	default:
		return errors.New("dtmf is none of auto, info, rfc4733")
	}
	switch t.RTCPMux {
	case "", MuxAnswer, MuxOffer:
	default:
		return errors.New("rtcp_mux is neither answer nor offer")
	}
	if t.SRTP == SRTPRequire && t.T38 == T38Allow {
		return errors.New("a fax cannot be encrypted; write t38: refuse, or srtp: allow")
	}
	switch t.Latch {
	case "", LatchStrict, LatchSubnet, LatchOff:
	default:
		return errors.New("latch is none of strict, subnet, off")
	}
	return t.validateAccounts()
}

// isHost accepts what may be the host of a URI, without a port.
func isHost(s string) bool {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Is4() == !strings.HasPrefix(s, "[") && a.Zone() == ""
	}
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == ""
}
