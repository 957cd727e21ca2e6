// Package cdr is the call record: one for every INVITE that was not dropped,
// the refused ones too.
//
// # Life of a record
//
// A call that is carried has an opening row before the callee is called, and
// a closing row before its end is answered; a refused call has one row, the
// closing one. Closing gives the record its Seq, in order and without gaps,
// so that a reader that has seen Seq n knows that it has seen everything up
// to n. What was left open by a crash is closed at the next start with
// [ByPlatform] and [EndRestart].
//
// [Journal] is the writing side, asynchronous; [Reader] the reading one. An
// engine implements both. cdrtest has one in memory.
//
// # Numbers
//
// A record has four places for a number: caller and callee as they came in,
// caller and callee as they went out ([Party]). Two of them are 700 numbers,
// two are real:
//
//	A calls B over X    caller_in A    callee_in X    caller_out X    callee_out B
//
// A refused call has no numbers that went out. A [Record] keeps the real
// ones, so that an engine can seal them; everything that prints one masks
// them. JSON and CSV are written from the masked [View], which is also what
// a client reads.
package cdr
