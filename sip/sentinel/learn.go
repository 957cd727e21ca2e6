package sentinel

import (
	"bytes"
	"net/netip"
	"strings"

	"mask700/sip/message"
)

// Learn keeps what a message tells of the party that sent it: who it is, where, by
// which dialog and with what device. Ours says that the Call-ID is of our making.
// Numbers are read by the country code. Headers that are not extracted, such as
// User-Agent, are not kept by [message.Parse] either: nothing could pass them on. It
// says for how many there was no room.
func (l *Secrets) Learn(m *message.Message, ours bool, countryCode string) (lost int) {
	return l.LearnParty(m, ours, countryCode) + l.LearnMore(m, countryCode)
}

// LearnParty is Learn for what the messages of a dialog repeat: who the party is, and
// where it is reached.
func (l *Secrets) LearnParty(m *message.Message, ours bool, countryCode string) (lost int) {
	h := harvest{secrets: l, countryCode: countryCode}
	// Of a request From is its sender, of a response To.
	party := &m.From
	if !m.IsRequest() {
		party = &m.To
	}
	h.address(party.Text, party.URI, true)
	h.add(Dialog, party.Tag)
	if m.Contact != nil {
		h.address(m.ContactText, *m.Contact, true)
	} else if m.ContactText != "" {
		h.words(Device, m.ContactText, wordsOfHeader)
	}
	if !ours {
		h.identifier(Dialog, m.CallID)
	}
	for _, list := range [...][]string{m.RecordRoute, m.Route} {
		for _, entry := range list {
			if u, ok := message.RouteURI(entry); ok {
				h.address("", u, false)
			}
		}
	}
	for _, text := range m.OtherContacts {
		if u, ok := message.RouteURI(text); ok {
			h.address(text, u, true)
		}
	}
	h.words(Device, m.Agent, wordsOfHeader)
	return h.lost
}

// LearnMore is Learn for the rest of a message.
func (l *Secrets) LearnMore(m *message.Message, countryCode string) (lost int) {
	h := harvest{secrets: l, countryCode: countryCode}
	for _, list := range [...][]message.Address{m.Asserted, m.Preferred, m.RemoteParty} {
		for i := range list {
			h.address(list[i].Text, list[i].URI, false)
		}
	}
	if m.IsRequest() {
		for i := range m.Via {
			v := &m.Via[i]
			h.host(v.Host)
			h.add(Branch, strings.TrimPrefix(v.Branch, "z9hG4bK"))
			if _, received, ok := strings.Cut(v.Text, ";received="); ok {
				received, _, _ = strings.Cut(received, ";")
				h.host(received)
			}
		}
	}
	for _, text := range m.Named {
		h.number(text)
	}
	if m.ReferTo != nil {
		h.address(m.ReferTo.Text, m.ReferTo.URI, false)
	}
	for _, list := range [...][]string{m.Authorization, m.ProxyAuthorization} {
		for i := range min(len(list), credentialsOfMessage) {
			h.credentials(list[i])
		}
		h.lost += max(len(list)-credentialsOfMessage, 0)
	}
	h.description(m)
	return h.lost
}

// credentialsOfMessage bounds the credentials that are looked at.
const credentialsOfMessage = 2

// credentials keeps the user of credentials (RFC 7616 section 3.4): often a number, or a
// private identity user@host.
func (h *harvest) credentials(value string) {
	user, ok := username(value)
	if !ok {
		return
	}
	name, host, _ := strings.Cut(user, "@")
	if !h.number(name) {
		h.add(User, name)
	}
	h.host(host)
}

// username finds the user in credentials, its quotes and escapes undone, in the notation
// of RFC 8187 too.
func username(value string) (string, bool) {
	const name = "username"
	for i := 0; i+len(name) < len(value); i++ {
		if value[i] == '"' { // a text in quotes is no name
			for i++; i < len(value) && value[i] != '"'; i++ {
				if value[i] == '\\' {
					i++
				}
			}
			continue
		}
		if i > 0 && !between(value[i-1]) || !strings.EqualFold(value[i:i+len(name)], name) {
			continue
		}
		rest := value[i+len(name):]
		extended := strings.HasPrefix(rest, "*")
		rest = strings.TrimLeft(strings.TrimPrefix(rest, "*"), " \t")
		rest, ok := strings.CutPrefix(rest, "=")
		if !ok {
			continue
		}
		return userText(strings.TrimLeft(rest, " \t"), extended), true
	}
	return "", false
}

// userText reads the value of a parameter.
func userText(s string, extended bool) string {
	if quoted, ok := strings.CutPrefix(s, "\""); ok {
		b := make([]byte, 0, maxLength)
		for i := 0; i < len(quoted) && quoted[i] != '"' && len(b) < maxLength; i++ {
			if quoted[i] == '\\' && i+1 < len(quoted) {
				i++
			}
			b = append(b, quoted[i])
		}
		return string(b)
	}
	if i := strings.IndexAny(s, ", \t"); i >= 0 {
		s = s[:i]
	}
	if extended { // charset'language'text
		if i := strings.LastIndexByte(s, '\''); i >= 0 {
			s = s[i+1:]
		}
		if b, ok := unescape(nil, []byte(s)); ok {
			s = string(b)
		}
	}
	return s
}

// Address keeps the address that signalling or media comes from. It says false when
// there is no room for it.
func (l *Secrets) Address(a netip.Addr) bool {
	return !a.IsValid() || a.IsUnspecified() || l.Add(Host, a.Unmap().WithZone("").String())
}

// wordsOfHeader bounds the words that are taken of one header or line.
const wordsOfHeader = 4

type harvest struct {
	secrets     *Secrets
	countryCode string
	lost        int // for which there was no room
}

func (h *harvest) add(k Kind, text string) {
	if !h.secrets.Add(k, text) {
		h.lost++
	}
}

// number keeps the number that a text is, if it is one: digits, separators, and a
// plus or prefixes in front. It says whether it was.
func (h *harvest) number(text string) bool {
	national, code, ok := bare(text, h.countryCode)
	if ok && !public(national) && !h.secrets.number(national, code) {
		h.lost++
	}
	return ok
}

// address keeps the parts of a URI, the display name before it and, where they can
// name a device, the parameters behind it.
func (h *harvest) address(text string, u message.URI, params bool) {
	if u.User != "" && !h.number(u.User) {
		h.add(User, u.User)
	}
	h.host(u.Host)
	name, rest, bracketed := strings.Cut(text, "<")
	if !bracketed {
		return
	}
	if name = strings.Trim(name, " \t\""); name != "" && !h.number(name) {
		h.add(Name, name)
		h.words(Name, name, 2)
	}
	if _, behind, ok := strings.Cut(rest, ">"); ok && params {
		if i := strings.Index(behind, ";tag="); i >= 0 {
			behind = behind[:i]
		}
		h.words(Device, behind, wordsOfHeader)
	}
}

// host keeps an address or a name, addresses of IPv6 in the notation of RFC 5952 too.
func (h *harvest) host(host string) {
	host = strings.Trim(host, "[]")
	h.add(Host, host)
	if strings.IndexByte(host, ':') >= 0 {
		if a, err := netip.ParseAddr(host); err == nil && !h.secrets.Address(a) {
			h.lost++
		}
	}
}

// identifier keeps a Call-ID: the word in front, and the host behind the @.
func (h *harvest) identifier(k Kind, id string) {
	word, host, _ := strings.Cut(id, "@")
	h.add(k, word)
	h.host(host)
}

// words keeps the first words of a text that are long enough to be looked for.
func (h *harvest) words(k Kind, text string, most int) {
	start := 0
	for i := 0; i <= len(text) && most > 0; i++ {
		if i < len(text) && !between(text[i]) {
			continue
		}
		if i-start >= MinLength && h.word(k, text[start:i]) {
			most--
		}
		start = i + 1
	}
}

// between says whether a character stands between words.
func between(c byte) bool { return delimiters[c] }

var delimiters = func() (t [256]bool) {
	for c := range ' ' + 1 {
		t[c] = true
	}
	for _, c := range "\"<>()[]{},;=@?&|\\'" {
		t[c] = true
	}
	return t
}()

// word keeps one word, without the scheme in front and the port behind.
func (h *harvest) word(k Kind, w string) bool {
	if strings.IndexByte(w, ':') >= 0 {
		for _, scheme := range [...]string{"sip:", "sips:", "tel:", "urn:", "uuid:", "http://", "https://"} {
			if len(w) > len(scheme) && strings.EqualFold(w[:len(scheme)], scheme) {
				w = w[len(scheme):]
			}
		}
		if host, port, ok := strings.Cut(w, ":"); ok && onlyDigits(port) && len(port) <= 5 {
			w = host
		}
	}
	w = strings.Trim(w, ".:/-")
	if len(w) < MinLength {
		return false
	}
	if onlyDigits(w) && len(w) >= longDigits {
		return h.number(w)
	}
	if w[0] == '+' && h.number(w) {
		return true
	}
	if numeric(w) && strings.Count(w, ".") == 3 {
		k = Host
	}
	h.add(k, w)
	// The node of a UUID may be the address of the device's network card.
	if i := strings.LastIndexByte(w, '-'); len(w) == 36 && i == 23 {
		h.add(k, w[i+1:])
	}
	return true
}

// description keeps what a session description says of who speaks and from where.
func (h *harvest) description(m *message.Message) {
	if m.ContentType != message.MediaType {
		return
	}
	rest := m.Body
	for n := 0; len(rest) > 1 && n < maxLines; n++ {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		switch line[0] {
		case 'o', 'c', 's', 'i', 'u', 'e', 'p', 'k':
			h.line(line[0], strings.TrimRight(strings.ReplaceAll(string(line[2:]), "\t", " "), "\r "))
		case 'a':
			colon := bytes.IndexByte(line, ':')
			if colon < 0 {
				continue
			}
			switch string(line[2:colon]) {
			case "rtpmap", "fmtp", "ptime", "maxptime", "crypto":
			default:
				h.words(Device, string(line[colon+1:]), wordsOfHeader)
			}
		}
	}
	if len(rest) > 1 {
		h.lost++ // who writes so many lines may say anything in them
	}
}

// line keeps what one line says.
func (h *harvest) line(kind byte, value string) {
	switch {
	case kind == 'o':
		h.origin(value)
	case kind == 'c':
		h.host(lastWord(value))
	case !h.number(value):
		h.words(Device, value, wordsOfHeader)
	}
}

// maxLines bounds the lines of a description that are looked at.
const maxLines = 100

// behindUser is how many words follow the user in an o= line.
const behindUser = 5

// origin keeps user, session and address of an o= line. The name of the user may have
// several words, so that what is behind it is counted from the end.
func (h *harvest) origin(value string) {
	user, session := value, ""
	for range behindUser {
		i := strings.LastIndexByte(user, ' ')
		if i < 0 {
			break
		}
		user, session = strings.TrimRight(user[:i], " "), user[i+1:]
	}
	if !h.number(user) {
		for user != "" {
			var word string
			if word, user, _ = strings.Cut(user, " "); !h.number(word) {
				h.add(User, word)
			}
		}
	}
	h.add(Dialog, session)
	h.host(lastWord(value))
}

// lastWord is the address at the end of an o= or c= line, without TTL.
func lastWord(value string) string {
	value = value[strings.LastIndexByte(value, ' ')+1:]
	host, _, _ := strings.Cut(value, "/")
	return host
}
