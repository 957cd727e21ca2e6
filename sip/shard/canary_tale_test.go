package shard_test

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mask700/binding/cdr"
	"mask700/sip/canary"
)

// tale is what the messages of a fuzzer begin with. It goes as it should where no choices are
// left; what comes then is anybody's.
type tale struct {
	name    string
	speak   int      // how many of everybody do
	steps   int      // at most, once it has begun
	world   []string // settings that it needs
	begin   func(*grown)
	reached func(*cdr.Record) bool // whether a record is of what it is about
	least   int                    // of how many random ones one has to reach that
}

// everybody is who may speak: the first two are those of a call of two.
var everybody = []string{"caller", "callee", "guest", "stranger", "friend"}

var tales = []tale{
	{"a call", 2, 12, nil, (*grown).call, func(r *cdr.Record) bool { return !r.AnsweredAt.IsZero() }, 5},
	{"texts", 5, 16, nil, (*grown).texts, func(r *cdr.Record) bool { return r.End == cdr.EndDelivered || r.End == cdr.EndAccepted }, 5},
	{"a transfer", 5, 24, []string{"refer"}, (*grown).transfer, func(r *cdr.Record) bool { return r.End == cdr.EndTransferred }, 20},
	{"in turn", 5, 24, nil, (*grown).inTurn, func(r *cdr.Record) bool { return !r.AnsweredAt.IsZero() && r.CalleeOut.Number != called }, 20},
	{"a call ordered", 5, 24, []string{"refer"}, (*grown).ordered, func(r *cdr.Record) bool { return !r.AnsweredAt.IsZero() && r.Origin == cdr.OriginDial }, 10},
}

// called is who is called first of those in turn.
var called = mustNumber("13900000002")

// What others may say besides.
var (
	moreRequests = []string{"MESSAGE 700100000010007\nContent-Type: text/plain\nbody x", "REFER\nRefer-To: <sip:700100000010012@192.0.2.1>",
		"REFER\nRefer-To: <sip:700100000010013@192.0.2.1>", "INVITE 700100000010011\nsdp", "INVITE 700100000010012\nsdp", "INVITE 700100000010013\nsdp"}
	moreStatuses = []string{"200 NOTIFY", "481 NOTIFY", "200 MESSAGE", "404 MESSAGE", "603", "408"}
)

// reply has who was sent a request of a method last answer it, in one of several ways; "" is not at all.
func (g *grown) reply(method string, ways ...string) string {
	who, way := g.asked[method], g.one(ways...)
	if !slices.Contains(g.who, who) || way == "" {
		return way
	}
	if method != "INVITE" {
		first, rest, body := strings.Cut(way, "\n")
		if way = first + " " + method; body {
			way += "\n" + rest
		}
	}
	g.say(who, way)
	return way
}

func (g *grown) one(of ...string) string { return of[g.pick(len(of))] }

// numbered is one of the 700 numbers, by its end.
func numbered(end string) string { return "7001000000100" + end }

// texts are some outside of dialogs, each with a secret of its sender's in its words, which are
// theirs to say.
func (g *grown) texts() {
	for range 1 + g.pick(5) {
		who := g.one(g.who...)
		words := strconv.Itoa(slices.Index(g.who, who)) + " says " + g.grower[who].mark("n", "t", "e", "h")
		g.say(who, "MESSAGE "+numbered(g.one("07", "13", "11", "12", "17"))+"\nContent-Type: text/plain\nbody "+words)
		for range 3 {
			if g.reply("MESSAGE", "200", "480", "202", "603", "") == "200 MESSAGE" {
				break
			}
		}
	}
}

// said is what words of a text have of others than who has written them, by the digit that they
// begin with, and numbers of anybody's, which are masked.
func (g *grown) said(words []byte) []canary.Hit {
	return slices.DeleteFunc(g.finder.Find(words), func(h canary.Hit) bool {
		i := slices.Index(g.who, g.writer(h.Mark))
		return i >= 0 && words[0] == byte('0'+i) && !canary.IsNumber(h.Mark)
	})
}

// transfer is a call of which one party sends the other to a third, and leaves.
func (g *grown) transfer() {
	g.call()
	if g.pick(4) == 3 {
		g.say("callee", "REFER\nRefer-To: <sip:"+numbered("12")+"@198.51.100.1>")
	} else {
		g.say("caller", "REFER\nRefer-To: <sip:"+numbered(g.one("11", "13", "17"))+"@192.0.2.1>")
	}
	g.reply("NOTIFY", "200", "", "481")
	for range 3 {
		g.reply("INVITE", "180", "180\nRSeq: 1\nRequire: 100rel\nsdp", "")
		g.reply("NOTIFY", "200", "")
		if way := g.reply("INVITE", "200\nsdp", "200\nsdp", "200\nsdp", "486"); strings.HasPrefix(way, "200") {
			break
		}
	}
	g.reply("NOTIFY", "200", "")
	g.reply("INVITE", "200\nsdp", "200\nsdp", "488", "")
	g.reply("BYE", "200", "", "481")
}

// inTurn is a call for several who are called one after the other.
func (g *grown) inTurn() {
	g.say("caller", "INVITE "+numbered(g.one("13", "17"))+"\nsdp")
	g.turns("486", "603", "", "200\nsdp")
	g.say("caller", "ACK")
}

// turns has those who ring answer, the first of them in one of several ways.
func (g *grown) turns(first ...string) {
	for range 3 {
		g.reply("INVITE", "180", "", "183\nsdp")
		switch way := g.reply("INVITE", first...); {
		case strings.HasPrefix(way, "200"):
			return
		case way == "": // it rings, until the next one does
			g.advance(21 * time.Second)
			g.reply("CANCEL", "200")
		}
		first = []string{"200\nsdp", "486", ""}
	}
}

// ordered is a call that the platform asks for.
func (g *grown) ordered() {
	who := "caller"
	over := numbered(g.one("07", "13", "11", "17"))
	if g.pick(4) == 3 {
		who, over = "callee", numbered("07")
	}
	g.scene.places(g.t, g.scene.actors[who], over)
	g.reply("INVITE", "180", "")
	g.reply("INVITE", "200\nsdp", "200\nsdp", "200", "486")
	g.turns("200\nsdp", "486", "")
}
