// Package e2e holds the tests of the program as it is run: the real binary, its command line, SIPp as the two
// phones, and Kamailio as the softswitch between them. Everything happens on loopback addresses of each test's own.
//
// Where SIPp, Kamailio or tshark is absent a test is skipped, and fails when CI=true.
package e2e
