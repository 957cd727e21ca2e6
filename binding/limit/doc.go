// Package limit keeps callers from harassing and from marketing: it counts the
// calls and texts of each caller, from one to another, to each 700 number and of
// each tenant, and refuses what is over a limit. It is a rule after the match
// ([mask700/binding/rule.Judge]): who is no party is never counted.
//
// # Rules
//
// A rule is written as it stands in records:
//
//	pair 3/5m             3 attempts from one to the same other in 5 minutes
//	caller 60/1h          of one caller, whomever he reaches; likewise x and tenant
//	callees 300/24h       so many different people that one caller attempts to reach
//	caller live 2         calls of one caller that go on at once; likewise x and tenant
//	short 6s 80% of 30/1h once a caller has had 30 calls answered in an hour, not four of five of them under 6 s
//
// Each is for calls, for texts or for all, which is both counted together; the last
// two kinds are for calls. In records a rule of texts or of all has that word
// before it. A rule that is followed by "shadow" only reports, and one followed by
// "off" is not there. So it is with a whole [Set]; tenants have one of their own
// where [Override] says so. Callers and pairs are people: what they do over the bindings of
// one tenant counts over those of another.
//
// Of an attempt that goes to several, one after the other, each is an attempt of that pair and a callee of the caller;
// for all else it is one ([mask700/binding/rule.Attempt.Turn]).
//
// A call that the platform has asked for ([mask700/binding/rule.Attempt.Ordered]) is an attempt of the pair in both directions,
// and either of the two is a callee of the other: who markets is not told from whom he has called by which of them is called
// first. For all else it is one attempt, of the one who is.
//
// Counted is what no rule of this package refuses, also where somebody else
// refuses it later. So a caller who is over a limit may call again once the oldest
// attempt is a window old, however often he tried in between.
//
// # Windows
//
// Time is counted in tenths of a second since the year 2024, by a clock that
// does not jump: the wall's at the start, and what the monotonic one has added
// since. A wall clock that is set while the program runs changes nothing. Over a
// restart the wall's is asked again: one that was set back stands still for the
// counters, so that what was counted counts longer, by as much as the time that the
// program was down; one that was set ahead ends windows early, by as much as it was.
//
// Rules of up to 16 attempts keep the time of each: an attempt counts for the
// window and no longer than 0.2 s more. All others keep 32 counters a window: an attempt
// counts for the window and at most 4 % and 3.2 s more. None is ever forgotten early.
//
// # Memory
//
// The tables have a fixed size, given once, however many callers there are. Keys are words of 64 bits made with a secret
// (binding.Fingerprints); no number is in them, nor in what is written to disk. A table is of sets of
// eight places, and a place has the counters of one key, exactly its own: windows, and no sketch. A key that is not there
// gets a place that is free or whose last attempt is older than every window; where there is none, that of
// the key in the set which is farthest from any limit, of several the one that was quiet longest. What that one had is forgotten.
//
// So the error is on one side: whoever is refused has made those attempts. A sketch (count-min, or
// space-saving, in which a new key takes over what the one before it had) errs on the other: in a full one
// people are refused for what strangers did, and the more are, the fuller it is. What is forgotten is what
// matters least: those who are near a limit stay, and others have to come between two attempts of theirs in numbers
// for a window to be cut short. [Stats] says how many keys were pushed out; where that grows, tables should be larger.
// One counter may be too high then: somebody whom a caller reached before counts again among his callees, when the pair of them was
// pushed out meanwhile.
//
// Calls that go on are in a table of their own, exact and of a fixed number of
// entries; a call for which there is no room is counted in [Stats], and not among those that
// go on.
//
// # Restart
//
// [Judge.Save] writes the tables, [Judge.Load] reads them, also into tables of another
// size or with other rules: what counts is put into the counters that there now are. What
// was counted since the last Save is lost by a crash, so that a limit may be passed by as many attempts as were made since;
// and calls that went on then are no longer counted as going on. Nothing else is lost, and nothing counted twice. Tables that
// are changed while they serve are carried over the same way; attempts in the moment of the change may count in the old ones alone.
package limit
