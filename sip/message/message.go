package message

import (
	"slices"
	"strings"
)

// Message is what was extracted from one SIP message. It is plain data: texts
// are copies, only Body shares memory with the frame that was parsed.
type Message struct {
	Status  int    // of a response; 0: a request
	Method  string // of a request, or CSeq's in a response; as written
	Version string // "SIP/2.0", as written
	Target  URI    // the Request-URI

	Via        []Via // top first, comma lists split
	From, To   Address
	CallID     string
	CSeq       uint32
	CSeqMethod string
	CSeqText   string // verbatim, only where it cannot be read

	MaxForwards int      // -1: absent
	Contact     *URI     // of the first Contact; nil: absent or "*"
	ContactText string   // the first Contact verbatim
	Contacts    int      // how many there are
	RecordRoute []string // entries verbatim, comma lists split
	Route       []string // entries verbatim, comma lists split

	Asserted    []Address // P-Asserted-Identity, every instance and entry (RFC 3325)
	Preferred   []Address // P-Preferred-Identity, likewise
	RemoteParty []Address // Remote-Party-ID, likewise
	Privacy     []string  // every priv-value of every instance, lower case (RFC 3323)

	Require      []string // option tags, lower case, every instance
	ProxyRequire []string // likewise
	Supported    []string // likewise

	Q850            int      // cause of a Reason header with protocol Q.850; 0: absent (RFC 3326)
	RetryAfter      int      // seconds; 0: absent
	Expires         int      // seconds; -1: absent
	Accept          []string // media ranges, lower case, without parameters; nil: no such header
	ContentType     string   // "type/subtype", lower case, without parameters
	Charset         string   // parameter of Content-Type, lower case; "": not said
	ContentEncoding string   // lower case; "" for none and for identity
	Disposition     string   // what the body is for, lower case, without parameters; "": not said
	Optional        bool     // nobody has to understand the body (Content-Disposition: handling=optional)
	Body            []byte   // of several parts only the session description, where there is one

	Timestamp      string   // verbatim where it is a number; "": absent (section 20.38)
	RSeq           uint32   // of a reliable provisional response; 0: absent (RFC 3262)
	RAck           RAck     // of a PRACK
	SessionExpires int      // seconds; -1: absent (RFC 4028)
	Refresher      string   // parameter of Session-Expires: "uac", "uas" or ""
	MinSE          int      // seconds; 0: absent
	MinExpires     int      // seconds; 0: absent
	Allow          []string // methods as written; nil: no such header
	ReferTo        *Address // nil: absent (RFC 3515)
	Event          string   // the event type, lower case, without parameters
	InfoPackage    string   // lower case, without parameters (RFC 6086)

	// Credentials and challenges (RFC 3261 section 22), each instance verbatim.
	Authorization      []string
	ProxyAuthorization []string
	WWWAuthenticate    []string
	ProxyAuthenticate  []string

	Agent string   // the first words of User-Agent and Server: to be kept from the other party, never to be written
	Named []string // numbers in headers that are about parties and are not extracted, such as Diversion: likewise

	OtherContacts []string // the Contacts behind the first verbatim, as a registrar lists them
}

// RAck names the reliable provisional response that a PRACK acknowledges
// (RFC 3262 section 7.2). Its zero value is none.
type RAck struct {
	RSeq, CSeq uint32
	Method     string
}

// Allows reports whether the sender of m lists a method in Allow. Without the
// header nothing is known, and it does not.
func (m *Message) Allows(method string) bool { return slices.Contains(m.Allow, method) }

// Supports reports whether the sender of m lists an option tag in Supported or
// Require.
func (m *Message) Supports(tag string) bool {
	return slices.Contains(m.Supported, tag) || slices.Contains(m.Require, tag)
}

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { return m.Status == 0 }

// ContactURI is the URI of the first Contact as text that may stand as the
// target of a later request of the dialog (RFC 3261 section 12.2.1.1): verbatim,
// because the peer may compare it byte by byte, but without the headers that a
// Request-URI must not have. "" when there is no Contact. It is for the leg that
// it came from.
func (m *Message) ContactURI() string {
	if m.Contact == nil {
		return ""
	}
	uri, _, _, ok := splitAddress(m.ContactText)
	if !ok {
		return ""
	}
	uri = strings.TrimSuffix(uri, m.Contact.Headers)
	return strings.TrimSuffix(uri, "?")
}
