package message

// Response is a response to compose. There is no Server header.
type Response struct {
	Echo        Echo
	Status      int
	ToTag       string // added to To unless it has one
	Contact     string // the complete value; "" for none
	RecordRoute []string
	Allow       bool // lists the methods that are served
	AcceptSDP   bool // Accept: application/sdp
	Supported   []string
	Require     []string
	Unsupported []string
	RetryAfter  int    // seconds; 0: none
	Q850        int    // cause of a Reason header; 0: none
	Identity    string // P-Asserted-Identity, the complete value
	ContentType string
	Body        []byte
}

// Append writes the response behind dst.
func (r *Response) Append(dst []byte) []byte { return nil }
