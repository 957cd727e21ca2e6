// Package message reads one SIP message into plain data and composes one from
// nothing (RFC 3261 sections 7 and 20).
//
// It is the narrow gate of the program. [Parse] extracts a fixed set of values
// from a message and forgets the message: what is not extracted does not exist
// for the rest of the program. There is no header list to copy, no way to carry
// an unknown header to the other leg, and nothing to forget to strip. A value
// that is to be used has to have a field in [Message]; a value that is to be
// sent has to have a field in [Request] or [Response].
//
// Names are made canonical before anything is read: compact forms, case,
// repeated headers, comma lists and folded lines are no way past a check.
//
// Whatever can come in any number is bounded: header lines, entries of a list,
// parameters, parts of a body. What a message makes its reader allocate is in
// proportion to its size.
//
// Everything that a peer wrote may hold a subscriber's number. The types of this
// package therefore print masked under every verb of fmt and in slog, and no
// [Fault] repeats any of its input. The fields themselves are plain strings:
// code that prints a field prints what is in it.
//
// The start line and the header lines are read by the parser of
// github.com/emiago/sipgo/sip, the values inside by readers of this package,
// because that library's own lose what is needed here: tel: URIs, parameters of
// a user part, the case of parameter names, a Via list without parameters.
package message
