package message

import (
	"slices"
	"strings"
	"testing"
)

func TestCheckRequests(t *testing.T) {
	replace := func(old, text string) string { return strings.Replace(request(), old, text, 1) }
	invited := func(old, text string) string { return strings.Replace(invite, old, text, 1) }
	method := func(name string, lines ...string) string {
		return strings.ReplaceAll(request(lines...), "OPTIONS", name)
	}
	for name, c := range map[string]struct {
		text   string
		status int
		why    string
	}{
		"an INVITE":                               {invite, 0, ""},
		"an OPTIONS":                              {request(), 0, ""},
		"an unknown method is others' business":   {method("FOO"), 0, ""},
		"no Max-Forwards":                         {without(invite, "Max-Forwards"), 0, ""},
		"no tag, as RFC 2543 had it":              {replace(";tag=1", ""), 0, ""},
		"no branch, as RFC 2543 had it":           {replace(";branch=z9hG4bKx", ""), 0, ""},
		"a version in lower case":                 {replace("SIP/2.0\r\n", "sip/2.0\r\n"), 0, ""},
		"version 3":                               {replace("SIP/2.0\r\n", "SIP/3.0\r\n"), 505, whyVersion},
		"version 2.1":                             {replace("SIP/2.0\r\n", "SIP/2.1\r\n"), 505, whyVersion},
		"no Via":                                  {without(request(), "Via"), 0, whyNoVia},
		"no From":                                 {without(request(), "From"), 400, whyNoFrom},
		"no To":                                   {without(request(), "To"), 400, whyNoTo},
		"no Call-ID":                              {without(request(), "Call-ID"), 400, whyNoCallID},
		"no CSeq":                                 {without(request(), "CSeq"), 0, whyNoCSeq},
		"another method in CSeq":                  {replace("CSeq: 1 OPTIONS", "CSeq: 1 BYE"), 400, whyMismatch},
		"the method in CSeq in lower case":        {replace("CSeq: 1 OPTIONS", "CSeq: 1 options"), 400, whyMismatch},
		"an unknown method and another":           {strings.Replace(method("FOO"), "CSeq: 1 FOO", "CSeq: 1 BYE", 1), 501, whyMethod},
		"a branch of the cookie alone":            {replace("z9hG4bKx", "z9hG4bK"), 400, whyBranch},
		"a sips target":                           {replace("sip:a@", "sips:a@"), 0, ""},
		"a tel target":                            {replace("sip:a@192.0.2.1 ", "tel:+8613800000001 "), 0, ""},
		"another scheme":                          {replace("sip:a@192.0.2.1 ", "urn:service:sos "), 416, whyScheme},
		"headers in the target":                   {replace("192.0.2.1 ", "192.0.2.1?Subject=x "), 400, whyEmbedded},
		"no hops left":                            {request("Max-Forwards: 0"), 483, whyTooMany},
		"no hops left for an INVITE":              {invited("Max-Forwards: 70", "Max-Forwards: 0"), 483, whyTooMany},
		"the last hop inside a dialog":            {strings.Replace(method("BYE", "Max-Forwards: 0"), "To: <sip:a@192.0.2.1>", "To: <sip:a@192.0.2.1>;tag=2", 1), 0, ""},
		"the last hop of a CANCEL":                {method("CANCEL", "Max-Forwards: 0"), 0, ""},
		"the last hop of an ACK":                  {method("ACK", "Max-Forwards: 0"), 0, ""},
		"a required extension":                    {invited("Supported", "Require"), 420, whyRequired},
		"a required extension of a CANCEL":        {method("CANCEL", "Require: x"), 0, ""},
		"Proxy-Require is not for us":             {request("Proxy-Require: privacy"), 0, ""},
		"a body of another type":                  {invited("application/sdp", "application/isup"), 415, whyMedia},
		"several parts, one signed":               {invited("application/sdp", "multipart/signed;boundary=x"), 415, whyMedia},
		"a description of another session":        {invited("Privacy: id", "Content-Disposition: early-session"), 415, whyPurpose},
		"a description said to be the session's":  {invited("Privacy: id", "Content-Disposition: Session;handling=required"), 0, ""},
		"a description in capitals":               {invited("application/sdp", "Application/SDP;charset=x"), 0, ""},
		"a body without a type":                   {without(invite, "Content-Type"), 400, whyUntyped},
		"an encoded body":                         {invited("Privacy: id", "Content-Encoding: gzip"), 415, whyCoding},
		"an encoded body, compact":                {invited("Privacy: id", "E: identity, GZIP"), 415, whyCoding},
		"identity is no encoding":                 {invited("Privacy: id", "Content-Encoding: Identity"), 0, ""},
		"a type without a body":                   {request("Content-Type: application/isup", "Content-Length: 0"), 0, ""},
		"a body of an OPTIONS is passed over":     {request("Content-Type: text/plain") + "x", 0, ""},
		"an UPDATE with another body":             {method("UPDATE", "Content-Type: text/plain") + "x", 415, whyMedia},
		"a text":                                  {carrying("MESSAGE", "text/plain", "您好\r\n\tx"), 0, ""},
		"a text, told to be UTF-8":                {carrying("MESSAGE", "Text/Plain; Charset=\"UTF-8\"", "您好"), 0, ""},
		"a text in ASCII":                         {carrying("MESSAGE", "text/plain;charset=us-ascii", "hello"), 0, ""},
		"a text in ASCII that is not":             {carrying("MESSAGE", "text/plain;charset=us-ascii", "您好"), 400, whyNotText},
		"a text that is no UTF-8":                 {carrying("MESSAGE", "text/plain", "\xc4\xfa\xba\xc3"), 400, whyNotText},
		"a text with a NUL":                       {carrying("MESSAGE", "text/plain", "a\x00b"), 400, whyNotText},
		"a text in another character set":         {carrying("MESSAGE", "text/plain;charset=gb18030", "\xc4\xfa"), 415, whyCharset},
		"a text in an envelope":                   {carrying("MESSAGE", "message/cpim", "To: <im:a>\r\n\r\nhello"), 415, whyMedia},
		"a text that is marked up":                {carrying("MESSAGE", "text/html", "<b>hello</b>"), 415, whyMedia},
		"a text of several parts":                 {carrying("MESSAGE", "multipart/mixed;boundary=b", of("b", "\r\nhello")), 415, whyMedia},
		"a text to be kept":                       {carrying("MESSAGE", "text/plain\r\nContent-Disposition: attachment", "hello"), 415, whyUseOfText},
		"a coded text":                            {carrying("MESSAGE", "text/plain\r\nContent-Encoding: gzip", "hello"), 415, whyCoding},
		"the longest text":                        {carrying("MESSAGE", "text/plain", strings.Repeat("a", MaxText)), 0, ""},
		"a longer text":                           {carrying("MESSAGE", "text/plain", strings.Repeat("a", MaxText+1)), 413, whyLongText},
		"a text of nothing":                       {method("MESSAGE"), 400, whyNoText},
		"a text of no type":                       {method("MESSAGE") + "hello", 400, whyUntyped},
		"a text in a call is for the call to say": {strings.Replace(carrying("MESSAGE", "message/cpim", "x"), "To: <sip:a@192.0.2.1>", "To: <sip:a@192.0.2.1>;tag=2", 1), 0, ""},
		"an INVITE without Contact":               {without(invite, "Contact"), 400, whyOneContact},
		"an INVITE with two Contacts":             {invited("Privacy: id", "m: <sip:a@x>"), 400, whyOneContact},
		"an INVITE with a wildcard":               {invited("<sip:13800000001@192.0.2.10:5060;transport=udp>", "*"), 400, whyOneContact},
		"an INVITE from a tel Contact":            {invited("<sip:13800000001@192.0.2.10:5060;transport=udp>", "<tel:+8613800000001>"), 400, whyOneContact},
		"a REGISTER with two Contacts":            {method("REGISTER", "Contact: <sip:a@x>, <sip:b@x>"), 0, ""},
		"descriptions are accepted":               {invited("Privacy: id", "Accept: text/plain, Application/SDP;level=1"), 0, ""},
		"anything is accepted":                    {invited("Privacy: id", "Accept: */*"), 0, ""},
		"descriptions are not accepted":           {invited("Privacy: id", "Accept: text/plain"), 406, whyAccept},
		"descriptions are named and not accepted": {invited("Privacy: id", "Accept: text/plain, application/sdp;q=0.0"), 406, whyAccept},
		"descriptions are accepted at last":       {invited("Privacy: id", "Accept: text/plain, application/sdp;level=1;q=0.001"), 0, ""},
		"nothing is accepted":                     {invited("Privacy: id", "Accept:"), 406, whyAccept},
	} {
		t.Run(name, func(t *testing.T) {
			m, fault := Parse([]byte(c.text))
			if fault != nil {
				t.Fatalf("Parse: %d %s", fault.Status, fault.Why)
			}
			fault = Check(m)
			switch {
			case fault == nil:
				if c.why != "" {
					t.Errorf("accepted, want %d %s", c.status, c.why)
				}
				return
			case fault.Status != c.status || fault.Why != c.why:
				t.Errorf("%d %s, want %d %s", fault.Status, fault.Why, c.status, c.why)
			case (fault.Message == m) != (c.status != 0):
				t.Errorf("message %v in the fault", fault.Message)
			}
			if fault.Status != 0 {
				answerable(t, fault)
			}
		})
	}
}

func TestCheckListsWhatIsUnsupported(t *testing.T) {
	fault := Check(parse(t, request("Require: path, Gruu", "Require: foo")))
	if fault == nil || !slices.Equal(fault.Unsupported, []string{"path", "gruu", "foo"}) {
		t.Fatalf("fault %v", fault)
	}
	b := (&Response{Echo: fault.Message.Echo(source), Status: 420, Unsupported: fault.Unsupported}).Append(nil)
	if !strings.Contains(string(b), "\r\nUnsupported: path, gruu, foo\r\n") {
		t.Errorf("the answer is\n%s", b)
	}
}

func TestCheckResponses(t *testing.T) {
	good := "SIP/2.0 200 OK\r\n" + strings.SplitN(request(), "\r\n", 2)[1]
	for name, c := range map[string]struct{ text, why string }{
		"good":            {good, ""},
		"another version": {strings.Replace(good, "SIP/2.0 200", "SIP/3.0 200", 1), whyVersion},
		"no Via":          {without(good, "Via"), whyNoVia},
		"no From":         {without(good, "From"), whyNoFrom},
		"no To":           {without(good, "To"), whyNoTo},
		"no Call-ID":      {without(good, "Call-ID"), whyNoCallID},
		"no CSeq":         {without(good, "CSeq"), whyNoCSeq},
		"two Vias":        {strings.Replace(good, "Via: ", "Via: SIP/2.0/UDP x, ", 1), whyVias},
	} {
		t.Run(name, func(t *testing.T) {
			fault := Check(parse(t, c.text))
			switch {
			case fault == nil && c.why != "":
				t.Errorf("accepted, want %s", c.why)
			case fault != nil && (fault.Why != c.why || fault.Status != 0 || fault.Message != nil):
				t.Errorf("%d %s, want 0 %s", fault.Status, fault.Why, c.why)
			}
		})
	}
}
