// Package e2e holds the tests of the program as it is run: the real binary, its command line, SIPp as the two
// phones, and Kamailio as the softswitch between them. Everything happens on loopback addresses of each test's own.
//
// Phones that people use, baresip and linphone, choose the address that they send from; each test of theirs makes
// network namespaces of its own, a machine for each phone and one for the servers, with the addresses of the printed
// configurations. What they say are tones, and what they record is measured (tonecheck).
//
// Where a program is absent a test is skipped, and so is one that may not make a namespace; both fail when CI=true.
package e2e
