package message

// Parse reads one framed message. A message that cannot be read gives a Fault
// whose Message, when Status is not 0, holds enough to answer it.
func Parse(frame []byte) (*Message, *Fault) {
	return nil, &Fault{Why: "not a SIP message"}
}
