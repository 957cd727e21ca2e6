//go:build !leaky

package call

import "mask700/sip/message"

// Under the build tag leaky these copy what must not cross, so that a test can show
// who notices: leak_on.go.

func leakRequest(*Call, Side, *message.Request) {}

func leakResponse(*Call, Side, *message.Response) {}

func leakReply(*Call, *message.Response) {}

func leakLate(*message.Request) {}

func leakHear(*Party, *message.Message) {}
