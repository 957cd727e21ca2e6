// Package binding is the domain of number protection: real numbers, 700
// numbers, who may call whom over which of them, and the decision for one
// call. It is pure: no socket, no disk, no SIP. What it needs of an engine is
// the interface [Store].
//
// # Numbers
//
// Two kinds of number exist, and they are different types. A [Number] is a
// subscriber's; it prints itself masked and is revealed in two methods only.
// An [X] is a 700 number, 15 digits, public. X numbers come in blocks of
// 10 000 ([Block], the first 11 digits); an installation binds and answers
// only those of the blocks that it holds.
//
// Every text that a handset, a trunk or a person writes goes through
// [Plan.ParseNumber] or [Plan.ParseX] into one canonical form. Texts are
// never compared with one another, so that a binding made for
// "0138-0013-8000" carries the call of "+8613800138000".
//
// # Edges
//
// A binding is a set of directed edges, and nothing else matters to a call:
//
//	(dialled, caller) -> (callee, shown)
//
// Who dials this number from that one reaches the callee, whose handset
// shows a 700 number. A [Mode] is only a way to write edges:
//
//	axb   (X, A) -> (B, X)           (X, B) -> (A, X)
//	axyb  (X, A) -> (B, Y)           (Y, B) -> (A, X)
//	gxb   (X, each of G) -> (B, X)   (X, B) -> (A, X)
//	gxyb  (X, each of G) -> (B, Y)   (Y, B) -> (A, X)
//	ax    (X, anyone) -> (A, X)      (X, A) -> (B, X)
//	axe   (X digits, anyone) -> (A, X)   (X, A) -> (B, X)
//	remote   (X, A) -> (B, Y, or X)
//
// A of a group is the member whom B reaches; it may be left out, and so may B
// of ax and axe. Then the edge is there without a callee, and forbidden. With
// [Back] the call back goes to the members in turn, or to who called last. A
// binding that is one-way ([OneWay]) has all its edges, those of one direction
// forbidden. The call along such an edge is refused as one-way, because its
// caller is a party and is told more than a stranger is.
//
// Anyone is everyone but the callee, and only where [Plan].Strangers allows
// such modes at all. Digits behind X are an extension; an edge without one
// does not take a call with one.
//
// One X serves many bindings, as long as no subscriber is a party of two
// that are live and no two are for anyone with the same digits
// ([Binding.Collides]). Each call then has one edge at most that names its
// caller and one for anyone; the store keeps this in one transaction
// ([Store.Bind]).
//
// # A call
//
// [Resolve] decides a call from the number dialled, the caller, the moment
// and the rows on that number. In this order:
//
//	the call shows no caller                    no_caller
//	no block with that number is held           no_binding
//	an edge of a live binding, not forbidden    connected
//	an edge of a live binding, forbidden        one_way
//	an edge for anyone of a live binding        connected
//	the latest binding of this caller expired   expired
//	anything else                               no_binding
//
// Toward the caller no_caller, no_binding and expired are one and the same
// answer. Rows in a mode that is not served have no edges and change
// nothing. The edge is decided once, when the call comes in: what happens to
// the binding afterwards does not end the call.
//
// [Explain] gives the same decision with every edge that was not taken and
// why.
//
// # Life of a binding
//
//	pending -> live -> unbound or expired
//
// [Service] makes and ends bindings: it checks a [Request], draws an X at
// random from the open blocks where none was asked for, and writes. Expiry
// needs no write: the state is a function of the moment
// ([Binding.State]). Ended rows stay, for the history and for the refusals
// of later calls.
//
// What identifies a binding stays for life: id, mode, numbers, extension, order
// and tenant. All else may be changed while it lives ([Service.Update]), by the
// rules of [Revise]: who went and who came, and each consent, is kept in
// [Binding.Changes], so that [Binding.AsOf] tells who was bound at a moment. Who
// comes, or lives longer, is checked against the others on the number as a new
// binding is. [Service.Extend] moves the expiry to a later time only;
// [Service.Slide] does so for a sliding one whenever it carries a call. What has
// ended is not brought back: its number may be in other hands.
//
// A binding may be bound several times ([Request].Reuse, [Binding.Alike]), and then
// is to be deleted as often: [Service.Delete] takes one bind back and ends it
// with the last, [Service.End] ends it at once. Neither touches a call. A request
// under a key of its tenant ([Request].IdempotencyKey) is done once within
// [KeyLife], and answered by what was done; so is a delete ([Service.DeleteOnce]).
//
// # Errors
//
// An error of this package is one line that names a field where one is at
// fault ([FieldError]), says what is wrong and what to do, and never repeats
// what was written.
package binding
