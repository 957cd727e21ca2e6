package message

// Fault is what is wrong with a message.
type Fault struct {
	Status      int      // what to answer; 0: nothing can or may be answered
	Why         string   // in words, without any text of the message
	Message     *Message // what was read, enough to answer when Status is not 0; may be nil
	Unsupported []string // for 420: the option tags that are not supported
}

// Error implements error. The text is fixed by the kind of fault and repeats
// nothing of the message.
func (f *Fault) Error() string { return f.Why }
