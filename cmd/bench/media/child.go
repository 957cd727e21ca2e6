package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"

	"mask700/media"
	"mask700/media/kernel"
)

// relayCommand as first argument makes this program mask700's relay.
const relayCommand = "relay"

// payloadType is G.711 A-law (RFC 3551 table 4).
const payloadType = 8

// serve is the process of mask700's relay: it does what the lines that come in
// ask for, until there are no more.
func serve(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 2 && args[0] == trialFlag {
		return serveTrial(args[1], in, out)
	}
	options, err := engineOptions(args)
	if err != nil {
		return err
	}
	engine, err := media.NewRelay(options)
	if err != nil {
		return err
	}
	defer engine.Close()
	sessions := map[uint32]media.Session{}
	return answerAll(in, out, func(q question) (answer, error) { return do(engine, sessions, q) })
}

// answerAll answers questions until there are no more.
func answerAll(in io.Reader, out io.Writer, do func(question) (answer, error)) error {
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var q question
		if err := questions.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a, err := do(q)
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// engineOptions are those of a relay whose sessions may be silent for long: they
// are while another relay is measured.
func engineOptions(args []string) (media.Options, error) {
	o := media.Options{Timeout: -1}
	flags := flag.NewFlagSet(relayCommand, flag.ContinueOnError)
	path := flags.String("path", pathUser, "")
	top := flags.Uint("top", topPort, "highest port")
	flags.DurationVar(&o.Rest, "rest", resting, "")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for i, name := range [2]string{"left", "right"} {
		o.Pools = append(o.Pools, media.Pool{Name: name, Address: gates[i].Addr(), Min: lowestPort, Max: uint16(*top)})
	}
	switch *path {
	case pathUser:
		return o, nil
	case pathKernel:
		var err error
		o.Kernel, err = kernel.Open(kernel.Options{Entries: len(o.Pools) * (int(*top) - lowestPort + 1) / 2})
		return o, err
	}
	return o, fmt.Errorf("there is no path %q", *path)
}

func do(engine media.Engine, sessions map[uint32]media.Session, q question) (a answer, err error) {
	switch q.Do {
	case "open":
		for _, c := range q.Calls {
			s, err := engine.Open(media.OpenSpec{PoolA: "left", PoolB: "right", PeerA: c.Party[0].Addr(), PeerB: c.Party[1].Addr()})
			if err != nil {
				return a, err
			}
			sessions[c.ID] = s
			for i, side := range [2]media.Side{media.A, media.B} {
				local := s.Local(side)
				c.Relay[i] = netip.AddrPortFrom(local.Addr, local.Port)
				s.SetRemote(side, remote(c.Party[i]))
				s.Settle(side)
			}
			a.Calls = append(a.Calls, c)
		}
	case "end":
		for _, c := range q.Calls {
			s, ok := sessions[c.ID]
			if !ok {
				return a, fmt.Errorf("no call %d", c.ID)
			}
			s.Close()
			delete(sessions, c.ID)
		}
	case "stats":
		st := engine.Stats()
		a.Stats = &st
	default:
		return a, fmt.Errorf("%q is not known", q.Do)
	}
	return a, nil
}

// remote is what a description of a party says.
func remote(at netip.AddrPort) media.Remote {
	return media.Remote{RTP: at, RTCP: netip.AddrPortFrom(at.Addr(), at.Port()+1), Signal: at.Addr(), Send: true, Recv: true,
		Types: []media.PayloadType{{PT: payloadType, Clock: 8000, Name: "PCMA", Map: payloadType}}}
}
