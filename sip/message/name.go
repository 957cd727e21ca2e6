package message

// The headers that are extracted, by the names that the parser is given. What is
// not in this list is dropped before the message is read.
const (
	nameVia                = "via"
	nameFrom               = "from"
	nameTo                 = "to"
	nameCallID             = "call-id"
	nameCSeq               = "cseq"
	nameMaxForwards        = "max-forwards"
	nameContact            = "contact"
	nameRecordRoute        = "record-route"
	nameRoute              = "route"
	nameAsserted           = "p-asserted-identity"
	namePreferred          = "p-preferred-identity"
	nameRemoteParty        = "remote-party-id"
	namePrivacy            = "privacy"
	nameRequire            = "require"
	nameProxyRequire       = "proxy-require"
	nameSupported          = "supported"
	nameReason             = "reason"
	nameRetryAfter         = "retry-after"
	nameExpires            = "expires"
	nameAccept             = "accept"
	nameContentType        = "content-type"
	nameContentEncoding    = "content-encoding"
	nameContentLength      = "content-length"
	nameTimestamp          = "timestamp"
	nameDisposition        = "content-disposition"
	nameRSeq               = "rseq"
	nameRAck               = "rack"
	nameSessionExpires     = "session-expires"
	nameMinSE              = "min-se"
	nameMinExpires         = "min-expires"
	nameAllow              = "allow"
	nameReferTo            = "refer-to"
	nameEvent              = "event"
	nameInfoPackage        = "info-package"
	nameAuthorization      = "authorization"
	nameProxyAuthorization = "proxy-authorization"
	nameWWWAuthenticate    = "www-authenticate"
	nameProxyAuthenticate  = "proxy-authenticate"
)

// canonical maps a header name as written, compact or long and in any case, to
// the name of the list above; "": it is not extracted.
func canonical(name []byte) string {
	var low [len(namePreferred)]byte
	if len(name) > len(low) {
		return ""
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	switch string(low[:len(name)]) {
	case nameVia, "v":
		return nameVia
	case nameFrom, "f":
		return nameFrom
	case nameTo, "t":
		return nameTo
	case nameCallID, "i":
		return nameCallID
	case nameCSeq:
		return nameCSeq
	case nameMaxForwards:
		return nameMaxForwards
	case nameContact, "m":
		return nameContact
	case nameRecordRoute:
		return nameRecordRoute
	case nameRoute:
		return nameRoute
	case nameAsserted:
		return nameAsserted
	case namePreferred:
		return namePreferred
	case nameRemoteParty:
		return nameRemoteParty
	case namePrivacy:
		return namePrivacy
	case nameRequire:
		return nameRequire
	case nameProxyRequire:
		return nameProxyRequire
	case nameSupported, "k":
		return nameSupported
	case nameReason:
		return nameReason
	case nameRetryAfter:
		return nameRetryAfter
	case nameExpires:
		return nameExpires
	case nameAccept:
		return nameAccept
	case nameContentType, "c":
		return nameContentType
	case nameContentEncoding, "e":
		return nameContentEncoding
	case nameContentLength, "l":
		return nameContentLength
	case nameTimestamp:
		return nameTimestamp
	case nameDisposition:
		return nameDisposition
	case nameRSeq:
		return nameRSeq
	case nameRAck:
		return nameRAck
	case nameSessionExpires, "x":
		return nameSessionExpires
	case nameMinSE:
		return nameMinSE
	case nameMinExpires:
		return nameMinExpires
	case nameAllow:
		return nameAllow
	case nameReferTo, "r":
		return nameReferTo
	case nameEvent, "o":
		return nameEvent
	case nameInfoPackage:
		return nameInfoPackage
	case nameAuthorization:
		return nameAuthorization
	case nameProxyAuthorization:
		return nameProxyAuthorization
	case nameWWWAuthenticate:
		return nameWWWAuthenticate
	case nameProxyAuthenticate:
		return nameProxyAuthenticate
	}
	return ""
}
