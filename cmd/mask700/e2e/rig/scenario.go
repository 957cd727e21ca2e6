package rig

import (
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Complete makes a whole SIPp scenario of one that says only what is particular to it. SIPp has no include, and most
// of a scenario is what every phone does alike: the headers of each message, the search of whatever arrives for words
// of the other party, the count of messages back to the INVITE whose branch an ACK repeats. The short form is SIPp's
// own but for these:
//
//	<send>BYE 2</send>                   a message in short (compose); one with a whole start line is left as it is
//	<send once="true">                   not sent again, though such a message is
//	<recv …><has>a=sendonly</has></recv> an expression that has to be found in the message
//	<has header="To">tag=</has>          in that header
//	<recv …><hasnot>m=audio</hasnot>     one that must not be
//	<keep header="RSeq" as="rseq"/>      in a recv: the number in a header becomes a variable
//
// Actions stand in a recv directly. The first word of the scenario's name, caller or callee, is the phone's role; a
// scenario of another name is left as it is.
func Complete(source []byte) ([]byte, error) {
	var in struct {
		Name     string    `xml:"name,attr"`
		Elements []element `xml:",any"`
	}
	if err := xml.Unmarshal(source, &in); err != nil {
		return nil, err
	}
	role, _, _ := strings.Cut(in.Name, "-")
	if role != "caller" && role != "callee" {
		return source, nil
	}
	c := composer{role: role, sent: map[string]int{}, first: map[string]bool{}, later: map[string]bool{}}
	for _, e := range in.Elements {
		if m := answersByName.FindStringSubmatch(strings.TrimSpace(e.Text)); e.XMLName.Local == "send" && m != nil {
			c.later[m[1]] = true
		}
	}
	head, _, _ := strings.Cut(string(source), "<scenario")
	c.out.WriteString(head + `<scenario name="` + in.Name + `">` + "\n")
	for i, e := range in.Elements {
		var err error
		switch e.XMLName.Local {
		case "send":
			err = c.send(e)
			if answered := in.Elements[i+1:]; err == nil && strings.HasPrefix(strings.TrimSpace(e.Text), "BYE ") &&
				len(answered) > 0 && answered[0].attr("response") != "" && answered[0].attr("response") != "100" {
				err = c.recv(trying)
			}
		case "recv":
			err = c.recv(e)
		case "Reference":
			err = errors.New("is written by Complete")
		default:
			if name := e.XMLName.Local; name == "nop" || name == "pause" {
				c.index++
			}
			c.out.WriteString("  " + e.String() + "\n")
		}
		if err != nil {
			return nil, fmt.Errorf("%s, element %d of it (%s): %w", in.Name, c.index, e.XMLName.Local, err)
		}
	}
	if v := variables(c.out.String()); len(v) > 0 {
		c.out.WriteString(`  <Reference variables="` + strings.Join(v, ",") + `"/>` + "\n")
	}
	c.out.WriteString("</scenario>\n")
	return []byte(c.out.String()), nil
}

// element is any element, with what is inside of it as it is written.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Inner    string     `xml:",innerxml"`
	Elements []element  `xml:",any"`
}

// String writes the element as it was.
func (e element) String() string {
	if e.Inner == "" {
		return "<" + e.XMLName.Local + e.attributes() + "/>"
	}
	return "<" + e.XMLName.Local + e.attributes() + ">" + e.Inner + "</" + e.XMLName.Local + ">"
}

// attributes writes the attributes but those that SIPp does not know.
func (e element) attributes(but ...string) string {
	var b strings.Builder
	for _, a := range e.Attrs {
		if slices.Contains(but, a.Name.Local) {
			continue
		}
		fmt.Fprintf(&b, ` %s="%s"`, a.Name.Local, quote.Replace(a.Value))
	}
	return b.String()
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// trying may come before the answer to a BYE: the record is on disk first, and where that takes the disk seconds whoever waits is
// told (RFC 4320 section 4.1).
var trying = element{XMLName: xml.Name{Local: "recv"}, Attrs: []xml.Attr{
	{Name: xml.Name{Local: "response"}, Value: "100"}, {Name: xml.Name{Local: "optional"}, Value: "true"},
}}

// quote is for text in an attribute: SIPp knows these four.
var quote = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// leakFree searches a message for the words of field2, by a back-reference from the message into the list.
const leakFree = `      <ereg regexp=".*" search_in="msg" check_it="true" assign_to="message"/>
      <assignstr assign_to="guarded" value="[field2]|[$message]"/>
      <ereg regexp="^[^|]*~([^~|]+)~[^|]*[|].*\1" search_in="var" variable="guarded" check_it_inverse="true" assign_to="leak"/>
`

// called is for the INVITE that begins the callee's call: it is for field0 and shows field1, and the rest of the
// dialog needs its From and To.
const called = `      <assignstr assign_to="called" value="[field0]|[$message]"/>
      <ereg regexp="^([0-9]+)[|]INVITE sip:\1@" search_in="var" variable="called" check_it="true" assign_to="hit,digits"/>
      <assignstr assign_to="shown" value="[field1]|[$message]"/>
      <ereg regexp="^([0-9]+)[|].*From:[^&lt;]*&lt;sip:\1@" search_in="var" variable="shown" check_it="true" assign_to="hit,digits"/>
      <ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="remote"/>
      <ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="local"/>
`

// recv writes a recv with its checks, and keeps of a request what an answer that comes later will need.
func (c *composer) recv(e element) error {
	method := e.attr("request")
	begins := method != "" && c.received == "" && c.role == "callee"
	if method != "" {
		c.received = method
		c.first[method] = begins
	}
	c.index++
	c.out.WriteString("  <recv" + e.attributes() + ">\n    <action>\n" + leakFree)
	if begins && method == "INVITE" {
		c.out.WriteString(called)
	}
	for _, p := range e.Elements {
		line := p.String()
		switch p.XMLName.Local {
		case "has":
			where := `"msg"`
			if h := p.attr("header"); h != "" {
				where = `"hdr" header="` + h + `:"`
			}
			line = fmt.Sprintf(`<ereg regexp="%s" search_in=%s check_it="true" assign_to="found"/>`, quote.Replace(p.Text), where)
		case "hasnot":
			line = fmt.Sprintf(`<ereg regexp="%s" search_in="msg" check_it_inverse="true" assign_to="found"/>`, quote.Replace(p.Text))
		case "keep":
			line = fmt.Sprintf(`<ereg regexp="[0-9]+" search_in="hdr" header="%s:" check_it="true" assign_to="%s"/>`, p.attr("header"), p.attr("as"))
		}
		c.out.WriteString("      " + line + "\n")
	}
	c.out.WriteString("    </action>\n  </recv>\n")
	if c.later[method] {
		c.index++
		c.out.WriteString("  <nop><action>\n")
		for _, h := range []string{"Via", "From", "To", "CSeq"} {
			fmt.Fprintf(&c.out, "    <assignstr assign_to=\"%s\" value=\"[last_%s:]\"/>\n", kept(h, method), h)
		}
		c.out.WriteString("  </action></nop>\n")
	}
	return nil
}

// kept is the variable that keeps a header line of a request.
func kept(header, method string) string {
	return strings.ToLower(header) + "_" + strings.ToLower(method)
}

// variables are the names that a scenario assigns: SIPp wants each to be used, at least in a Reference.
func variables(text string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`assign_to="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		for _, n := range strings.Split(m[1], ",") {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}
