package e2e

// transportScenarios are pairs of above where TCP is on one leg or both.
func transportScenarios() []scenario {
	bye, await := pair("caller-bye", "callee-answer"), pair("caller-await-bye", "callee-bye")
	early, cancel := pair("caller-early-then-ringing", "callee-early-then-ringing"), pair("caller-cancel-ringing", "callee-cancelled")
	reliable, hold := pair("caller-reliable-media", "callee-reliable-media"), pair("caller-hold", "callee-reinvited-twice")
	crossing := pair("caller-bye-crosses", "callee-bye")
	return []scenario{
		{name: "TCP, caller hangs up", play: tcp(bye), alone: true, want: callerHangsUp},
		{name: "TCP, callee hangs up", play: tcp(await), alone: true, want: calleeHangsUp},
		{name: "TCP, early media", play: tcp(early), alone: true, want: callerHangsUp},
		{name: "TCP, cancelled after 180", play: tcp(cancel), alone: true, want: callerCancels},
		{name: "TCP, reliable responses", play: tcp(reliable), alone: true, heard: inOrder, want: callerHangsUp},
		{name: "TCP, hold and resume", play: tcp(hold), alone: true, want: callerHangsUp},
		{name: "UDP to TCP", play: udpToTCP(bye), want: callerHangsUp},
		{name: "UDP to TCP, callee hangs up", play: udpToTCP(await), want: calleeHangsUp},
		{name: "UDP to TCP, early media", play: udpToTCP(early), want: callerHangsUp},
		{name: "UDP to TCP, cancelled after 180", play: udpToTCP(cancel), want: callerCancels},
		{name: "UDP to TCP, reliable responses", play: udpToTCP(reliable), heard: inOrder, want: callerHangsUp},
		{name: "UDP to TCP, hold and resume", play: udpToTCP(hold), want: callerHangsUp},
		{name: "TCP to UDP", play: tcpToUDP(bye), want: callerHangsUp},
		{name: "TCP to UDP, early media", play: tcpToUDP(early), want: callerHangsUp},
		{name: "TCP to UDP, cancelled after 180", play: tcpToUDP(cancel), want: callerCancels},
		{name: "TCP to UDP, reliable responses", play: tcpToUDP(reliable), heard: inOrder, want: callerHangsUp},
		{name: "TCP to UDP, hold and resume", play: tcpToUDP(hold), want: callerHangsUp},
		{name: "TCP to UDP, BYE crosses BYE", play: tcpToUDP(crossing), want: calleeHangsUp},
		{name: "UDP to TCP, BYE crosses BYE", play: udpToTCP(crossing), want: calleeHangsUp},
	}
}
