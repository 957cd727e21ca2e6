package message

// Request is a request to compose. There is no User-Agent header.
type Request struct {
	Method      string
	Target      string // the Request-URI
	Via         string // "SIP/2.0/UDP host:port"
	Branch      string // with the magic cookie
	Route       []string
	From, To    string // the complete values with their tags
	CallID      string
	CSeq        uint32
	MaxForwards int
	Contact     string // the complete value; "" for none
	Allow       bool   // lists the methods that are served
	Supported   []string
	Require     []string
	Identity    string // P-Asserted-Identity, the complete value
	RemoteParty string // Remote-Party-ID, the complete value
	Q850        int    // cause of a Reason header; 0: none
	ContentType string
	Body        []byte
}

// Append writes the request behind dst.
func (r *Request) Append(dst []byte) []byte { return nil }
