package shard_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// offer is the description of a phone that means well.
const offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"

// plain is a request of the stage's caller with nothing wrong about it. Lines
// take the place of those of their name, or come behind; one that begins with a
// minus takes lines of its name away.
func plain(method string, lines ...string) string {
	return carrying(method, "", lines...)
}

// carrying is plain with a body.
func carrying(method, body string, lines ...string) string {
	var extra, without []string
	for _, l := range lines {
		if name, ok := strings.CutPrefix(l, "-"); ok {
			without = append(without, name)
		} else {
			extra = append(extra, l)
		}
	}
	h := []string{
		method + " sip:700100000010007@192.0.2.1:5060 SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKhostile",
		"Max-Forwards: 70",
		"From: \"hostile\" <sip:13800000001@192.0.2.10>;tag=hostile",
		"To: <sip:700100000010007@192.0.2.1>",
		"Call-ID: hostile",
		"CSeq: 1 " + method,
		"Contact: <sip:13800000001@192.0.2.10:5060>",
		fmt.Sprintf("Content-Length: %d", len(body)),
	}
	if method == "INVITE" && strings.HasPrefix(body, offer) {
		h = append(h, "Content-Type: application/sdp")
	}
	return strings.Join(edit(h, extra, without), "\r\n") + "\r\n\r\n" + body
}

// invite is the INVITE of a call that goes through: "100, INVITE".
func invite(lines ...string) string { return carrying("INVITE", offer, lines...) }

// swap replaces text that has to be there.
func swap(text, old, by string) string {
	if !strings.Contains(text, old) {
		panic("no " + old)
	}
	return strings.Replace(text, old, by, 1)
}

// compact writes the names of header lines in their short forms.
func compact(text string) string {
	return strings.NewReplacer("\r\nVia:", "\r\nv:", "\r\nFrom:", "\r\nf:", "\r\nTo:", "\r\nt:", "\r\nCall-ID:", "\r\ni:",
		"\r\nContact:", "\r\nm:", "\r\nContent-Length:", "\r\nl:", "\r\nContent-Type:", "\r\nc:").Replace(text)
}

const (
	refused  = "100, 400"
	tooLarge = "100, 513"
	through  = "100, INVITE"
	unbound  = "100, 404"
)

// wrong are messages that nobody should send, to a gateway that knows of nothing,
// by what is wrong about them.
var wrong = []struct {
	name   string
	frame  string
	answer string
}{
	// Bytes (RFC 3261 sections 7 and 25).
	{"nothing", "", "dropped: an empty message"},
	{"line ends only", "\r\n\r\n\r\n", "dropped: an empty message"},
	{"noise", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "dropped: an empty message"},
	{"another protocol", "GET /invite HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", "dropped: a start line that is neither a request's nor a response's"},
	{"a start line alone", "INVITE sip:700100000010007@192.0.2.1 SIP/2.0\r\n\r\n", "dropped: no Via"},
	{"half a start line", "INVITE ", "dropped: the header block does not end with an empty line"},
	{"lines ended by LF", strings.ReplaceAll(invite(), "\r\n", "\n"), "dropped: an empty message"},
	{"lines ended by CR", strings.ReplaceAll(invite(), "\r\n", "\r"), "dropped: an empty message"},
	{"a bare LF", invite("Subject: a\nTo: <sip:13900000002@192.0.2.1>"), refused},
	{"a bare CR", invite("Subject: a\rTo: <sip:13900000002@192.0.2.1>"), refused},
	{"a NUL", invite("Subject: a\x00b"), refused},
	{"a NUL in the From", swap(invite(), "hostile\"", "\x00\""), refused},
	{"an LF in the start line", swap(invite(), " SIP/2.0\r\n", "\nX: y SIP/2.0\r\n"), "400"},
	{"a CR in the only Via", swap(invite(), "branch=", "x=\r;branch="), "dropped: a bare CR, LF or NUL in the header block"},
	{"no end", strings.TrimSuffix(plain("OPTIONS"), "\r\n"), "400"},
	{"a line that continues nothing", swap(invite(), "\r\nVia:", "\r\n x\r\nVia:"), refused},
	{"a line of no name", invite(": x"), refused},
	{"a line of no colon", invite("Nonsense"), refused},
	{"a blank in a name", invite("No Name: x"), refused},
	{"a version of its own", swap(invite(), "SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), "100, 505"},
	{"a method in lower case", strings.ReplaceAll(invite(), "INVITE", "invite"), "501"},
	{"a method of its own", plain("HOSTILE"), "501"},
	{"a method of 4 KiB", plain(strings.Repeat("HOSTILE!", 512)), "501"},

	// Numbers (sections 20.14, 20.16, 20.22 and 8.1.1.5).
	{"two Content-Lengths", invite("X: y", "l: "+fmt.Sprint(len(offer))), refused},
	{"two that differ", swap(invite(), "Content-Length:", "Content-Length: 0\r\nContent-Length:"), refused},
	{"a negative one", invite("Content-Length: -1"), refused},
	{"a signed one", invite("Content-Length: +5"), refused},
	{"one in hexadecimal", invite("Content-Length: 0x5"), refused},
	{"one of 2^31", invite("Content-Length: 2147483648"), refused},
	{"one of 2^32", invite("Content-Length: 4294967296"), refused},
	{"one of 2^64", invite("Content-Length: 18446744073709551616"), refused},
	{"one of a hundred digits", invite("Content-Length: " + strings.Repeat("9", 100)), refused},
	{"two numbers in one", invite("Content-Length: 5, 5"), refused},
	{"one that is too long by one", invite(fmt.Sprintf("Content-Length: %d", len(offer)+1)), refused},
	{"one that cuts the description", invite("Content-Length: 12"), "100, 488"},
	{"a CSeq of 2^31", invite("CSeq: 2147483648 INVITE"), refused},
	{"a CSeq of 2^32-1", invite("CSeq: 4294967295 INVITE"), refused},
	{"a CSeq of 2^32", invite("CSeq: 4294967296 INVITE"), refused},
	{"a CSeq of 2^64", invite("CSeq: 18446744073709551617 INVITE"), refused},
	{"a negative CSeq", invite("CSeq: -1 INVITE"), refused},
	{"a CSeq without a method", invite("CSeq: 1"), refused},
	{"a CSeq of another method", invite("CSeq: 1 BYE"), refused},
	{"no hops", invite("Max-Forwards: 0"), "100, 483"},
	{"hops of 256", invite("Max-Forwards: 256"), refused},
	{"hops of 2^32", invite("Max-Forwards: 4294967296"), refused},
	{"negative hops", invite("Max-Forwards: -1"), refused},
	{"hops twice", invite("X: y", "max-forwards: 70", "MAX-FORWARDS: 71"), refused},

	// Sizes.
	{"201 header lines", invite(slices.Repeat([]string{"X: y"}, 201)...), tooLarge},
	{"10 000 header lines", invite(slices.Repeat([]string{"a:"}, 10000)...), tooLarge},
	{"a header of 64 KiB", invite("Subject: " + strings.Repeat("x", 64<<10)), tooLarge},
	{"a From of 16 KiB", invite("From: \"" + strings.Repeat("x", 16<<10) + "\" <sip:13800000001@192.0.2.10>;tag=hostile"), tooLarge},
	{"a header of 64 KiB before all others", swap(invite(), "\r\nVia:", "\r\nSubject: "+strings.Repeat("x", 64<<10)+"\r\nVia:"), "dropped: the header block is larger than 16 KiB"},
	{"a fold of 300 lines", invite("Subject: x" + strings.Repeat("\r\n x", 300)), tooLarge},
	{"100 Vias", invite("Via: " + strings.Repeat("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx,", 100)), through},
	{"101 Vias in their lines", invite(slices.Repeat([]string{"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx"}, 101)...), tooLarge},
	{"101 Vias in one", invite("Via: " + strings.Repeat("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx,", 101)), tooLarge},
	{"101 identities", invite("P-Asserted-Identity: " + strings.Repeat("a,", 101)), tooLarge},
	{"65 parameters in the Request-URI", swap(invite(), ":5060 SIP", strings.Repeat(";p", 65)+" SIP"), refused},
	{"a body of 70 KB", carrying("INVITE", strings.Repeat("x", 70000), "Content-Type: application/sdp"), tooLarge},

	// Headers that are needed, and needed once (sections 8.1.1 and 7.3.1).
	{"no Via", invite("-Via"), "dropped: no Via"},
	{"a Via of no host", invite("Via: SIP/2.0/UDP ;branch=z9hG4bKhostile"), "dropped: a Via that cannot be read"},
	{"a Via of no transport", invite("Via: 192.0.2.10;branch=z9hG4bKhostile"), "dropped: a Via that cannot be read"},
	{"a Via of port 0", invite("Via: SIP/2.0/UDP 192.0.2.10:0;branch=z9hG4bKhostile"), "dropped: a Via that cannot be read"},
	{"a Via of port 65536", invite("Via: SIP/2.0/UDP 192.0.2.10:65536;branch=z9hG4bKhostile"), "dropped: a Via that cannot be read"},
	{"a Via of IPv6 without brackets", invite("Via: SIP/2.0/UDP 2001:db8::1;branch=z9hG4bKhostile"), "dropped: a Via that cannot be read"},
	{"a Via of two branches", invite("Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa;BRANCH=z9hG4bKb"), refused},
	{"a second Via that is none", invite("Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKhostile, nonsense"), refused},
	{"a branch of the cookie alone", invite("Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK"), refused},
	{"no From", invite("-From"), refused},
	{"no To", invite("-To"), refused},
	{"no Call-ID", invite("-Call-ID"), refused},
	{"no CSeq", invite("-CSeq"), "dropped: no CSeq"},
	{"two Froms", swap(invite(), "\r\nTo:", "\r\nf: <sip:13900000002@192.0.2.10>;tag=x\r\nTo:"), refused},
	{"two Tos", swap(invite(), "\r\nTo:", "\r\nt: <sip:700100000010008@192.0.2.1>\r\nTo:"), refused},
	{"two Call-IDs", swap(invite(), "\r\nTo:", "\r\ni: x\r\nTo:"), refused},
	{"two CSeqs", swap(invite(), "\r\nTo:", "\r\nCSeq: 2 INVITE\r\nTo:"), refused},
	{"a Call-ID of two words", invite("Call-ID: a b"), refused},
	{"an empty Call-ID", invite("Call-ID:"), refused},
	{"a From of two tags", invite("From: <sip:13800000001@192.0.2.10>;tag=a;tag=b"), refused},
	{"a From of two addresses", invite("From: <sip:13800000001@192.0.2.10>;tag=a, <sip:13900000002@192.0.2.10>"), refused},
	{"a quote in the From that does not end", invite("From: \"\\\" <sip:13800000001@192.0.2.10>;tag=a"), refused},
	{"a backslash at the end of the From", invite("From: <sip:13800000001@192.0.2.10>;tag=a;x=\"\\"), refused},
	{"a bracket in the To that does not end", invite("To: <sip:700100000010007@192.0.2.1"), refused},
	{"no Contact", invite("-Contact"), refused},
	{"two Contacts", invite("X: y", "m: <sip:a@192.0.2.10>, <sip:b@192.0.2.10>"), refused},
	{"a Contact of any", invite("Contact: *"), refused},
	{"a Contact that is no SIP's", invite("Contact: <tel:+8613800000001>"), refused},
	{"a Contact that needs brackets", invite("Contact: sip:a@192.0.2.10?Route=%3Csip:x%3E"), refused},
	{"a Record-Route without brackets", invite("Record-Route: sip:192.0.2.10;lr"), refused},
	{"a session interval that is none", invite("Session-Expires: soon"), refused},
	{"a session interval of a second", invite("Supported: timer", "Session-Expires: 1"), "100, 422"},
	{"an RAck of another method's", plain("PRACK", "RAck: x y INVITE"), "400"},

	// Whom it is for (sections 8.2.2.1 and 19.1.1).
	{"headers in the Request-URI", swap(invite(), ":5060 SIP", "?Replaces=a%3Bto-tag%3Db SIP"), refused},
	{"a Request-URI in brackets", swap(invite(), "sip:700100000010007@192.0.2.1:5060 SIP", "<sip:700100000010007@192.0.2.1> SIP"), refused},
	{"a wildcard", swap(invite(), "sip:700100000010007@192.0.2.1:5060 SIP", "* SIP"), refused},
	{"a Request-URI of no user", swap(invite(), "700100000010007@192.0.2.1:5060 SIP", "@192.0.2.1 SIP"), refused},
	{"one of no host", swap(invite(), "@192.0.2.1:5060 SIP", "@ SIP"), refused},
	{"one of two hosts", swap(invite(), "@192.0.2.1:5060 SIP", "@192.0.2.1@192.0.2.2 SIP"), refused},
	{"one of IPv6 without brackets", swap(invite(), "@192.0.2.1:5060 SIP", "@2001:db8::1 SIP"), refused},
	{"one of an interface", swap(invite(), "@192.0.2.1:5060 SIP", "@[fe80::1%25eth0] SIP"), refused},
	{"a broken escape", swap(invite(), "sip:7001", "sip:%7g01"), refused},
	{"half an escape", swap(invite(), "@192.0.2.1:5060 SIP", "%4@192.0.2.1 SIP"), refused},
	{"another scheme", swap(invite(), "sip:700100000010007@192.0.2.1:5060 SIP", "mailto:700100000010007@192.0.2.1 SIP"), "100, 416"},
	{"an emergency", swap(invite(), "sip:700100000010007@192.0.2.1:5060 SIP", "urn:service:sos SIP"), "100, 416"},
	{"a web page", swap(plain("OPTIONS"), "sip:700100000010007@192.0.2.1:5060 SIP", "http://192.0.2.1/?x=y SIP"), "416"},
	{"nobody", swap(invite(), "700100000010007@192.0.2.1:5060 SIP", "192.0.2.1 SIP"), unbound},
	{"an escaped NUL behind the number", swap(invite(), "10007@192.0.2.1:5060 SIP", "10007%00@192.0.2.1 SIP"), unbound},
	{"escaped line ends in the number", swap(invite(), "10007@192.0.2.1:5060 SIP", "10007%0d%0aX:%20y@192.0.2.1 SIP"), unbound},
	{"a number of full width", swap(invite(), "700100000010007@192.0.2.1:5060 SIP", "７００１０００００１０００７@192.0.2.1 SIP"), unbound},
	{"a number of 8 KiB", swap(invite(), "700100000010007@", strings.Repeat("7", 8<<10)+"@"), unbound},
	{"a real number", swap(invite(), "700100000010007@192.0.2.1:5060 SIP", "13900000002@192.0.2.1 SIP"), unbound},
	{"a number of another context", swap(invite(), "10007@192.0.2.1:5060 SIP", "10007;phone-context=+1@192.0.2.1 SIP"), unbound},
	{"two contexts", swap(invite(), "10007@192.0.2.1:5060 SIP", "10007;phone-context=+86;phone-context=+1@192.0.2.1 SIP"), unbound},
	{"too few digits", swap(invite(), "700100000010007@192.0.2.1:5060 SIP", "7001000000@192.0.2.1 SIP"), "100, 484"},

	// Who calls (RFC 3325).
	{"an identity of nobody's", invite("P-Asserted-Identity: <sip:13600000004@192.0.2.10>"), unbound},
	{"two identities that differ", invite("P-Asserted-Identity: <sip:13800000001@192.0.2.10>, <tel:+8613600000004>"), unbound},
	{"an identity that is broken: From is read", invite("P-Asserted-Identity: <sip:1390000000x2@192.0.2.10>"), through},
	{"two numbers in a user: From is read", invite("P-Asserted-Identity: <sip:13900000002%3B13800000001@192.0.2.10>"), through},
	{"nobody that can be known", invite("From: <sip:anonymous@anonymous.invalid>;tag=hostile"), unbound},

	// What it wants (sections 8.2.2.3 and 8.2.3).
	{"an extension that we do not have", invite("Require: hostile"), "100, 420"},
	{"one behind one that we have", invite("Require: 100rel, Hostile"), "100, 420"},
	{"one that is no token", invite("Require: \"hostile\""), refused},
	{"one that proxies are to have", invite("Proxy-Require: hostile"), through},
	{"descriptions are not taken", invite("Accept: text/html"), "100, 406"},
	{"nothing is taken", invite("Accept:"), "100, 406"},
	{"to be called, of a phone here", plain("REGISTER", "Contact: <sip:700100000010007@192.0.2.10>"), "405"},
	{"to send a text", carrying("MESSAGE", "call 13800000001", "Content-Type: text/plain"), "MESSAGE"},
	{"a text of more than there is room for", carrying("MESSAGE", strings.Repeat("a", 1301), "Content-Type: text/plain"), "413"},
	{"a text with a NUL in it", carrying("MESSAGE", "call\x0013800000001", "Content-Type: text/plain"), "400"},
	{"a text with an escape in it", carrying("MESSAGE", "\x1b[2J13800000001", "Content-Type: text/plain"), "400"},
	{"a text that is no UTF-8", carrying("MESSAGE", "\xb5\xe7\xbb\xb0", "Content-Type: text/plain"), "400"},
	{"a text in an envelope", carrying("MESSAGE", "From: <im:13800000001>\r\n\r\nhello", "Content-Type: message/cpim"), "415"},
	{"a text of no kind", carrying("MESSAGE", "hello"), "400"},
	{"a text of nothing", plain("MESSAGE"), "400"},
	{"a text that has to be understood by others", carrying("MESSAGE", "hello", "Content-Type: text/plain", "Require: urn"), "420"},
	{"to be told", plain("SUBSCRIBE", "Event: dialog"), "405"},
	{"to tell", plain("PUBLISH", "Event: presence"), "405"},
	{"somebody transferred", plain("REFER", "Refer-To: <sip:13900000002@192.0.2.1>"), "405"},

	// Out of any dialog (section 12.2.2).
	{"a BYE", plain("BYE"), "481"},
	{"a BYE of a dialog", plain("BYE", "To: <sip:700100000010007@192.0.2.1>;tag=none"), "481"},
	{"an INVITE of a dialog", invite("To: <sip:700100000010007@192.0.2.1>;tag=none"), "481"},
	{"a PRACK", plain("PRACK", "RAck: 1 1 INVITE"), "481"},
	{"an UPDATE", carrying("UPDATE", offer, "Content-Type: application/sdp"), "481"},
	{"an INFO", carrying("INFO", "Signal=1\r\n", "Content-Type: application/dtmf-relay"), "481"},
	{"a NOTIFY", plain("NOTIFY", "Event: refer", "Subscription-State: terminated"), "481"},
	{"a REFER of a dialog", plain("REFER", "To: <sip:700100000010007@192.0.2.1>;tag=none", "Refer-To: <sip:x>"), "481"},
	{"a CANCEL", plain("CANCEL"), "481"},
	{"a CANCEL that requires", plain("CANCEL", "Require: hostile"), "481"},
	{"an ACK", plain("ACK"), "stray"},
	{"an ACK of a dialog", plain("ACK", "To: <sip:700100000010007@192.0.2.1>;tag=none"), "stray"},
	{"an ACK that is broken", plain("ACK", "Max-Forwards: x"), "dropped: a Max-Forwards that is no number from 0 to 255"},
	{"an OPTIONS", plain("OPTIONS"), "200"},
	{"an OPTIONS without hops", plain("OPTIONS", "Max-Forwards: 0"), "483"},

	// Responses (sections 8.1.3.3 and 18.1.2).
	{"a 200 to nothing", response("200", "INVITE"), "stray"},
	{"a 100 to nothing", response("100", "INVITE"), "stray"},
	{"a 401 to nothing", response("401", "REGISTER"), "stray"},
	{"a 200 by two Vias", swap(response("200", "INVITE"), "Via: ", "Via: SIP/2.0/UDP 192.0.2.1, "), "dropped: a response for somebody else: not exactly one Via"},
	{"a 200 by none", strings.Replace(response("200", "INVITE"), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKhostile\r\n", "", 1), "dropped: no Via"},
	{"a status of 0", response("000", "INVITE"), "dropped: a start line that is neither a request's nor a response's"},
	{"a status of 700", response("700", "INVITE"), "dropped: a start line that is neither a request's nor a response's"},
	{"a status of 2^32+200", response("4294967496", "INVITE"), "dropped: a start line that is neither a request's nor a response's"},
	{"a response with a bare LF", swap(response("200", "INVITE"), "Call-ID", "X: a\nb: c\r\nCall-ID"), "dropped: a bare CR, LF or NUL in the header block"},
	{"a response of 64 KiB", swap(response("200", "INVITE"), "Call-ID", "X: "+strings.Repeat("x", 64<<10)+"\r\nCall-ID"), "dropped: the header block is larger than 16 KiB"},
	{"a response with an RSeq of 2^32", swap(response("183", "INVITE"), "Call-ID", "RSeq: 4294967296\r\nCall-ID"), "dropped: an RSeq that is no number from 1 to 2^32-1"},

	// Bodies (sections 8.2.3 and 20.11).
	{"a body of no type", carrying("INVITE", "v=0\r\n"), refused},
	{"a body of half a type", carrying("INVITE", "v=0\r\n", "Content-Type: application"), refused},
	{"a page", carrying("INVITE", "<p>", "Content-Type: text/html"), "100, 415"},
	{"a packed description", invite("Content-Encoding: gzip"), "100, 415"},
	{"the description of an early session", invite("Content-Disposition: early-session"), "100, 415"},
	{"an ISUP message alone", carrying("INVITE", "\x01\x00", "Content-Type: application/isup"), "100, 415"},
	{"one that need not be understood", carrying("INVITE", "\x01\x00", "Content-Type: application/isup", "Content-Disposition: signal;handling=optional"), through},
	{"one beside the description", inParts("b", isupPart, "Content-Type: application/sdp\r\n\r\n"+offer), through},
	{"one that has to be understood", inParts("b", strings.Replace(isupPart, "optional", "required", 1), "Content-Type: application/sdp\r\n\r\n"+offer), "100, 415"},
	{"no description among the parts", inParts("b", isupPart), "100, 415"},
	{"two descriptions among the parts", inParts("b", "Content-Type: application/sdp\r\n\r\n"+offer, "Content-Type: application/sdp\r\n\r\n"+offer), "100, 415"},
	{"17 parts", inParts("b", slices.Repeat([]string{isupPart}, 17)...), tooLarge},
	{"10 000 parts", inParts("b", slices.Repeat([]string{""}, 10000)...), tooLarge},
	{"parts without a boundary", swap(inParts("b", isupPart), ";boundary=b", ""), refused},
	{"parts that do not end", strings.Replace(inParts("b", isupPart), "--b--", "--b  ", 1), refused},
	{"parts inside of parts inside of parts", inParts("b", "Content-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\nContent-Type: multipart/mixed;boundary=d\r\n\r\n--d\r\n"+
		"Content-Type: application/sdp\r\n\r\n"+offer+"\r\n--d--\r\n--c--"), "100, 415"},
	{"a description of nothing", carrying("INVITE", "\r\n", "Content-Type: application/sdp"), "100, 488"},
	{"a description of noise", carrying("INVITE", "\x00\x01\x02\x03", "Content-Type: application/sdp"), "100, 488"},
	{"a description without audio", invite("Content-Length: 77"), "100, 488"},
	{"a description of 3000 media", carrying("INVITE", offer+strings.Repeat("m=audio 1 RTP/AVP 8\r\n", 3000), "Content-Type: application/sdp"), "100, 488"},
}

// isupPart is what a switch puts beside a description.
const isupPart = "Content-Type: application/isup\r\nContent-Disposition: signal;handling=optional\r\n\r\n\x01\x00\x49"

// inParts is an INVITE with a body of several parts.
func inParts(boundary string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p + "\r\n")
	}
	return carrying("INVITE", b.String()+"--"+boundary+"--\r\n", "Content-Type: multipart/mixed;boundary="+boundary)
}

// response is one to a request that nobody sent.
func response(status, method string) string {
	return "SIP/2.0 " + status + " hostile\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKhostile\r\n" +
		"From: <sip:700100000010007@192.0.2.1>;tag=ours\r\nTo: <sip:13800000001@192.0.2.10>;tag=hostile\r\n" +
		"Call-ID: hostile\r\nCSeq: 1 " + method + "\r\nContent-Length: 0\r\n\r\n"
}

func TestWrongMessages(t *testing.T) {
	for _, c := range wrong {
		t.Run(c.name, func(t *testing.T) {
			p := newProbe(t)
			if got := p.deliver([]byte(c.frame)); got != c.answer {
				t.Errorf("got %s, want %s", got, c.answer)
			}
			p.afterwards([]byte(c.frame))
		})
	}
}

// odd are INVITEs that look wrong and are not. Each is the call of the pair, in
// whatever clothes.
var odd = []struct{ name, frame string }{
	{"as it should be", invite()},
	{"in short names", compact(invite())},
	{"in capitals", strings.NewReplacer("\r\nVia:", "\r\nVIA:", "\r\nFrom:", "\r\nFROM :", "\r\nTo:", "\r\nTO\t:", "\r\nCall-ID:", "\r\nCALL-ID:",
		"\r\nCSeq:", "\r\nCSEQ:", ";tag=", ";TAG=", "branch=", "BRANCH = ", "\r\nContent-Length:", "\r\ncONTENT-lENGTH :", "application/sdp", "Application / SDP ; x=y").Replace(invite())},
	{"in folds", strings.NewReplacer("\r\nVia: SIP/2.0/UDP ", "\r\nVia:\r\n\tSIP  /  2.0\r\n /UDP\r\n  ", "\r\nFrom: ", "\r\nFrom:\r\n ", "1 INVITE", "\r\n 1\r\n INVITE").Replace(invite())},
	{"behind line ends", "\r\n\r\n\r\n" + invite()},
	{"before another message", invite() + plain("BYE")},
	{"with empty entries", invite("Via: , SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKhostile,, SIP/2.0/UDP 192.0.2.77,", "Supported: ,timer,,", "Allow:")},
	{"with commas in quotes", invite(`From: "13900000002, <sip:13900000002@x>;tag=x, \"\\" <sip:13800000001@192.0.2.10>;tag=hostile;x=",;tag=y"`)},
	{"with an unquoted name", invite("From: Hostile, Inc. (tm) <sip:13800000001@192.0.2.10>;tag=hostile")},
	{"with a name in any letters", invite("From: 张 \xff\xfe <sip:13800000001@192.0.2.10>;tag=hostile")},
	{"without brackets", invite("From: sip:13800000001@192.0.2.10;tag=hostile", "To: sip:700100000010007@192.0.2.1")},
	{"to a tel URI", swap(invite(), "sip:700100000010007@192.0.2.1:5060 SIP", "tel:700100000010007;isub=1;x=y SIP")},
	{"to a sips URI", swap(invite(), "sip:700100000010007@192.0.2.1:5060 SIP", "SIPS:700100000010007@192.0.2.1 SIP")},
	{"to an escaped number", swap(invite(), "sip:700100000010007@", "sip:%370010000001000%37@")},
	{"to a number with parameters", swap(invite(), "10007@192.0.2.1:5060 SIP", "10007;npdi;rn=+8613900000002;cic=x:password@192.0.2.1;user=phone;transport=tcp;maddr=203.0.113.9;method=BYE;lr SIP")},
	{"to a host of another", swap(invite(), "@192.0.2.1:5060 SIP", "@[2001:db8:::192.0.2.1] SIP")},
	{"from a tel URI", invite("From: <tel:+86-138-0000-0001;isub=2>;tag=hostile")},
	{"with two identities of one", invite("P-Asserted-Identity: \"x\" <sip:+8613800000001@192.0.2.10;user=phone>, <tel:13800000001>", "Privacy: id;header;critical")},
	{"by a way that was made up", invite("Via: SIP/2.0/TLS-SCTP anything.invalid:1;maddr=203.0.113.9;ttl=1;received=203.0.113.9;rport=1;branch=z9hG4bKhostile")},
	{"by an unspecified address", invite("Via: SIP/2.0/UDP [::]:5060;branch=z9hG4bKhostile")},
	{"by 70 hops", invite(slices.Repeat([]string{"Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx"}, 70)...)},
	{"with a Route of its own", invite("Route: <sip:203.0.113.9;lr>, <sip:13900000002@203.0.113.9>")},
	{"with a branch of RFC 2543", invite("Via: SIP/2.0/UDP 192.0.2.10:5060;branch=1")},
	{"with no branch", invite("Via: SIP/2.0/UDP 192.0.2.10:5060")},
	{"with no tag", invite("From: <sip:13800000001@192.0.2.10>")},
	{"with no hops said", invite("-Max-Forwards")},
	{"with the last CSeq", invite("CSeq: 2147483647 INVITE")},
	{"with a CSeq of zeros", invite("CSeq: 00000000000000000000000000 INVITE")},
	{"with a Call-ID of 8 KiB", invite("Call-ID: " + strings.Repeat("Hostile!", 1024))},
	{"with credentials that nobody asked for", invite(`Authorization: Digest username="13800000001", realm="Hostile", nonce="x", uri="sip:x", response="y"`, "Proxy-Authorization: x")},
	{"with what others would obey", invite("Alert-Info: <http://203.0.113.9/hostile>", "Call-Info: <http://203.0.113.9/hostile>;purpose=icon", "Replaces: hostile;to-tag=a;from-tag=b",
		"Join: hostile;to-tag=a;from-tag=b", "Referred-By: <sip:hostile@x>", "Diversion: <sip:13700000003@x>", "History-Info: <sip:13700000003@x>;index=1", "Session-ID: hostile",
		"P-Charging-Vector: icid-value=hostile", "Identity: hostile", "User-to-User: hostile", "Subject: hostile", "Date: hostile", "Timestamp: hostile")},
	{"in a body of parts", inParts("b", isupPart, "Content-Type: application/sdp\r\n\r\n"+offer)},
	{"in parts inside of parts", inParts("b", "Content-Type: multipart/related;boundary=\"c c\"\r\n\r\n--c c\r\n\r\nhostile\r\n--c c\r\nContent-Type: application/sdp\r\n\r\n"+offer+"\r\n--c c--")},
	{"with nothing to say", carrying("INVITE", "")},
	{"with a body that may be dropped", carrying("INVITE", "hostile", "Content-Type: text/plain", "Content-Disposition: render;handling=optional")},
}

func TestOddMessages(t *testing.T) {
	for _, c := range odd {
		t.Run(c.name, func(t *testing.T) {
			p := newProbe(t)
			if got := p.deliver([]byte(c.frame)); got != through {
				t.Fatalf("got %s, want %s", got, through)
			}
			if first, _, _ := strings.Cut(string(p.across[0].Bytes), "\r\n"); first != "INVITE sip:13900000002@"+outsideHop+" SIP/2.0" {
				t.Errorf("the callee gets %s", first)
			}
			p.afterwards([]byte(c.frame))
			if r := p.calls[p.order[0]].record.View(); r.CallerIn != "138****0001" || r.CalleeIn != "700100000010007" {
				t.Errorf("the record is of %s, who called %s", r.CallerIn, r.CalleeIn)
			}
		})
	}
}
