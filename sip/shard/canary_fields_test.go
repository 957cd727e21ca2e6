package shard_test

// field is a place in a message where something of its sender may stand that the
// other party must not see.
type field struct {
	kind  string // the row of the report that it counts for
	where string // "": any message; "request", "response", or what wanted says
	text  string // a whole header or line, with marks as spell writes them
}

// What a report distinguishes.
const (
	ofRouting     = "start line, routing, dialog"
	ofIdentity    = "identity and privacy"
	ofTexts       = "texts, devices, places"
	ofCredentials = "credentials and challenges"
	ofExtensions  = "extensions and unknown headers"
	ofDescription = "session description"
	ofBody        = "other bodies"
	ofText        = "telephone numbers in texts"
	ofFlow        = "what a flow writes itself, real numbers and addresses"
)

// headers are added to a message that has no header of the same name. In their
// texts {n} is a number, {e} one in E.164 with dashes, {p} one in percent, {x} one
// in hex, {j} one in a token of base64, {b} one in reversed BCD in base64, {t} a
// word, {k} three times a word as a key of base64, {h} an address, {H} one of IPv6; {me} is the number that the sender really has.
var headers = []field{
	{ofRouting, "", "Path: <sip:{t}@{h};lr>"},
	{ofRouting, "", "Service-Route: <sip:{t}@{h};lr>"},
	{ofRouting, "", "Session-ID: {x}0000000000;remote=00000000000000000000000000000000"},
	{ofRouting, "", "Timestamp: {n}.5"},
	{ofRouting, "", "In-Reply-To: {t}@{h}"},
	{ofRouting, "", "Same-Session: {t}@{h}"},
	{ofRouting, "request", "Route: <sip:{t}@{h};lr;x={n}>"},
	{ofRouting, "request", "Min-SE: 90;x={t}"},
	{ofRouting, "request", "Replaces: {t}@{h};to-tag={t};from-tag={t}"},
	{ofRouting, "request", "Join: {t}@{h};to-tag={t};from-tag={t}"},
	{ofRouting, "request", "Target-Dialog: {t}@{h};local-tag={t};remote-tag={t}"},
	{ofRouting, "no contact", "Contact: <sip:{n}@{h};{t}>;+sip.instance=\"<urn:uuid:{t}>\""},

	{ofIdentity, "opening", "P-Asserted-Identity: \"{t}\" <sip:{me}@{h};cpc={t};isup-oli={t}>;{t}, <tel:+86{me};phone-context={t}>"},
	{ofIdentity, "not opening", "P-Asserted-Identity: \"{t}\" <sip:{n}@{h};cpc={t}>, <tel:{e};verstat={t}>"},
	{ofIdentity, "", "P-Preferred-Identity: \"{t} {e}\" <sip:{n}@{h}>"},
	{ofIdentity, "", "Remote-Party-ID: \"{t}\" <sip:{n}@{h}>;party=called;id-type={t};screen=no"},
	{ofIdentity, "", "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.{t}"},
	{ofIdentity, "", "P-Preferred-Service: urn:urn-7:3gpp-service.ims.icsi.{t}"},
	{ofIdentity, "", "P-Called-Party-ID: \"{t}\" <sip:{p}@{h}>"},
	{ofIdentity, "", "P-Associated-URI: <tel:{e}>, \"{t}\" <sip:{n}@{h}>"},
	{ofIdentity, "", "P-Served-User: <sip:{n}@{h}>;sescase={t};regstate=reg"},
	{ofIdentity, "", "P-User-Database: <aaa://{t}.example;transport=tcp>"},
	{ofIdentity, "", "P-Profile-Key: <sip:{t}-!.*!@{h}>"},
	{ofIdentity, "", "P-Charge-Info: <sip:{n}@{h};npi=ISDN;noa={t}>"},
	{ofIdentity, "", "P-Refused-URI-List: <sip:{n}@{h}>;members=<cid:{t}@{h}>"},
	{ofIdentity, "", "P-Answer-State: {t}"},
	{ofIdentity, "", "P-DCS-Trace-Party-ID: <sip:{n}@{h}>;timestamp={n}"},
	{ofIdentity, "", "P-DCS-LAES: {h}:5060;content={h}:5062;key={t}"},
	{ofIdentity, "", "P-DCS-Billing-Info: {x}/{t}@{h};rksgroup={t};charge=\"<sip:{n}@{h}>\";called=\"<tel:{e}>\""},
	{ofIdentity, "", "P-DCS-Redirect: <sip:{n}@{h}>;redirector-uri=\"<tel:{e}>\";count=5"},
	{ofIdentity, "", "P-DCS-OSPS: {t}"},
	{ofIdentity, "", "Additional-Identity: <sip:{n}@{h}>"},
	{ofIdentity, "", "Attestation-Info: {t}"},
	{ofIdentity, "", "Origination-Id: {x}"},
	{ofIdentity, "", "Relayed-Charge: {t};number=\"{n}\""},
	{ofIdentity, "", "Diversion: \"{t}\" <sip:{n}@{h}>;reason=user-busy;counter=1;privacy={t}"},
	{ofIdentity, "", "CC-Diversion: <tel:{e}>;reason={t}"},
	{ofIdentity, "", "History-Info: <sip:{n}@{h}?Privacy={t}&Reason=SIP%3Bcause%3D302%3Btext%3D%22{p}%22>;index=1.1;mp=1"},
	{ofIdentity, "", "Referred-By: \"{t}\" <sip:{n}@{h}>;cid=\"{t}@{h}\""},
	{ofIdentity, "", "P-Early-Media: {t}"},
	{ofIdentity, "", "Privacy: {t}"},
	{ofIdentity, "", "Identity: eyJhbGciOiJFUzI1NiJ9.{j}.{t};info=<https://{t}.example/{n}.pem>;alg=ES256;ppt=shaken"},
	{ofIdentity, "", "Identity-Info: <https://{t}.example/{n}.cer>;alg=rsa-sha1"},

	{ofTexts, "", "Reply-To: \"{t}\" <sip:{n}@{h}>"},
	{ofTexts, "", "Subject: please call {e}, {t}"},
	{ofTexts, "", "Call-Info: <http://{h}/{n}.png>;purpose={t}"},
	{ofTexts, "", "Alert-Info: <http://{h}/{t}.wav>"},
	{ofTexts, "", "Error-Info: <sip:{n}@{h}>;{t}"},
	{ofTexts, "", "Geolocation: <cid:{t}@{h}>, <https://{h}/of/{n}>"},
	{ofTexts, "", "Geolocation-Routing: {t}"},
	{ofTexts, "", "Geolocation-Error: 100;code=\"{t}\""},
	{ofTexts, "", "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp={t}"},
	{ofTexts, "", "P-Visited-Network-ID: \"{t}\", {t}.example"},
	{ofTexts, "", "Cellular-Network-Info: 3GPP-NR-FDD;utran-cell-id-3gpp={t};cell-info-age=5"},
	{ofTexts, "", "P-Charging-Vector: icid-value={t};icid-generated-at={h};orig-ioi={t}.example"},
	{ofTexts, "", "P-Charging-Function-Addresses: ccf={h};ecf={t}.example"},
	{ofTexts, "", "Date: Tue, 24 Nov 2026 01:02:03 {t}"},
	{ofTexts, "", "Accept-Language: {t}"},
	{ofTexts, "", "Content-Language: {t}"},
	{ofTexts, "", "Server: {t}/1.0 ({h})"},
	{ofTexts, "", "X-Number: {n}"},
	{ofTexts, "", "X-Asterisk-HangupCause: {t}"},
	{ofTexts, "", "X-FS-Support: {t}"},
	{ofTexts, "", "X-CID: {e}"},
	{ofTexts, "", "Cisco-Guid: {n}-{n}-0-0"},
	{ofTexts, "", "h323-conf-id: {x}"},
	{ofTexts, "", "Remote-IP: {h}"},
	{ofTexts, "", "X-Forwarded-For: {h}, [{H}]:5060"},
	{ofTexts, "", "Warning: 399 {t}.example \"{e} at {h}\", 399 {h} \"{t}\""},
	{ofTexts, "", "Reason: {t};cause=1;text=\"call to {e}\""},
	{ofTexts, "", "Response-Source: <sip:{t}@{h}>"},
	{ofTexts, "response", "Unsupported: {t}"},
	{ofTexts, "", "Allow-Events: {t}"},

	{ofCredentials, "request", "Authorization: Digest username=\"{n}\", realm=\"{t}\", nonce=\"{t}\", uri=\"sip:{n}@{h}\", response=\"{x}0000000000\""},
	{ofCredentials, "request", "Proxy-Authorization: Digest username=\"{n}\", realm=\"{t}\", nonce=\"{t}\", uri=\"sip:{n}@{h}\", response=\"{x}0000000000\", opaque=\"{t}\""},
	{ofCredentials, "no challenge", "WWW-Authenticate: Digest realm=\"{t}\", domain=\"sip:{h}\", nonce=\"{n}\", opaque=\"{t}\""},
	{ofCredentials, "no challenge", "Proxy-Authenticate: Digest realm=\"{t}\", domain=\"sip:{h}\", nonce=\"{n}\", opaque=\"{t}\""},
	{ofCredentials, "", "Authentication-Info: nextnonce=\"{t}\", rspauth=\"{x}0000000000\""},
	{ofCredentials, "", "Security-Client: ipsec-3gpp;alg={t};spi-c={n}"},
	{ofCredentials, "", "Security-Server: ipsec-3gpp;alg={t};spi-c={n}"},
	{ofCredentials, "", "Security-Verify: ipsec-3gpp;alg={t};spi-c={n}"},

	{ofExtensions, "", "Accept-Contact: *;{t}=\"{n}\""},
	{ofExtensions, "", "Reject-Contact: *;{t}=\"{n}\""},
	{ofExtensions, "", "Request-Disposition: {t}"},
	{ofExtensions, "", "Feature-Caps: *;+g.3gpp.{t}=\"<sip:{n}@{h}>\""},
	{ofExtensions, "", "Proxy-Require: {t}"},
	{ofExtensions, "", "User-to-User: {x}00;encoding=hex;purpose={t}"},
	{ofExtensions, "", "P-Private-Network-Indication: {t}.example"},
	{ofExtensions, "", "Recv-Info: {t}"},
	{ofExtensions, "no info", "Info-Package: {t};x={n}"},
	{ofExtensions, "no event", "Event: {t};id={n}"},
	{ofExtensions, "no event", "Subscription-State: {t};reason={t}"},
	{ofExtensions, "", "SIP-ETag: {t}"},
	{ofExtensions, "", "SIP-If-Match: {t}"},
	{ofExtensions, "", "Suppress-If-Match: {t}"},
	{ofExtensions, "", "Resource-Priority: {t}.0"},
	{ofExtensions, "", "Answer-Mode: {t}"},
	{ofExtensions, "", "Flow-Timer: {n}"},
	{ofExtensions, "no event", "Refer-Sub: {t}"},
	{ofExtensions, "", "P-Media-Authorization: {x}"},
	{ofExtensions, "", "Policy-Contact: <sip:{t}@{h}>"},
	{ofExtensions, "", "Permission-Missing: <sip:{n}@{h}>"},
	{ofExtensions, "", "Trigger-Consent: <sip:{n}@{h}>;target-uri=\"sip:{t}@{h}\""},
	{ofExtensions, "", "X-{t}: {b}"},
	{ofExtensions, "", "{t}: {n}"},
	{ofExtensions, "", "MIME-Version: 1.0 ({t})"},
	{ofExtensions, "", "Content-ID: <{t}@{h}>"},
	{ofExtensions, "", "Content-Location: http://{h}/{t}"},
}

// behind is added to headers that a message has anyhow, behind what they say.
var behind = []field{
	{ofTexts, "User-Agent", " ({t} {n} at {h})"},
	{ofTexts, "Organization", " {t} {e}"},
	{ofRouting, "Via", ";alias;keep={n};oc-algo=\"{t}\";received={h};x={t}"},
	{ofRouting, "Contact", ";reg-id=1;methods=\"{t}\";q=0.5;isfocus;video;expires={n};+g.3gpp.icsi-ref=\"{t}\";mac=\"{t}\""},
	{ofIdentity, "From", ";cpc={t};isup-oli={t};verstat=\"{e}\""},
	{ofRouting, "To", ";x={t}"},
	{ofTexts, "Retry-After", " (call {e});duration=5;x={t}"},
	{ofExtensions, "Supported", ", {t}"},
	{ofExtensions, "Allow", ", {t}"},
	{ofExtensions, "Accept", ", {t}/x;v={t}"},
	{ofTexts, "Reason", ";text=\"{t} {e}\""},
	{ofCredentials, "WWW-Authenticate", ", domain=\"sip:{t}@{h}\", x=\"{n}\""},
	{ofCredentials, "Proxy-Authenticate", ", domain=\"sip:{t}@{h}\", x=\"{n}\""},
	{ofBody, "Content-Type", ";charset={t};x=\"{n}\""},
	{ofRouting, "Session-Expires", ";x={t}"},
	{ofRouting, "Min-SE", ";x={t}"},
	{ofRouting, "Refer-To", ";x={t};y=\"{e}\""},
	{ofExtensions, "Info-Package", ";x={t}"},
	{ofRouting, "Record-Route", ";x={t}"},
}

// Where the marks of the start line and of the names that a dialog goes by stand.
var (
	inTarget = field{ofRouting, "", ";rn={e};npdi;cic={t};tgrp={t};trunk-context={t};target=sip%3A{n}%40{h};cause=486;phone-context={t};isub={n};ext={t};postd={n};oli={t}"}
	inReason = field{ofRouting, "", "call to {e}, {t} at {h}"}
	inName   = field{ofIdentity, "", " {t} {e}"} // display name
	inToName = field{ofIdentity, "", "\"{t} {e}\" "}
	inTag    = field{ofRouting, "", "-{t}"}
	inCallID = field{ofRouting, "", "-{t}"}
	inBranch = field{ofRouting, "", "-{t}"}
	inUser   = field{ofRouting, "", "-{t}"} // of Contact
	inURI    = field{ofRouting, "", ";ob;gr=urn:uuid:{t};x={n}"}
	inText   = field{ofText, "", "\r\n{n} {e}"} // a line of a text whose numbers are masked
	below    = field{ofRouting, "", "Via: SIP/2.0/UDP {t}.example:5060;branch=z9hG4bK{t};received={h}\r\nVia: SIP/2.0/TCP {h};branch=z9hG4bK{n};keep"}
)

// sessionLines and mediaLines are lines of a description, those of the session and those
// behind an m-line.
var (
	sessionLines = []field{
		{ofDescription, "", "u=http://{h}/{t}"},
		{ofDescription, "", "e={t}@{h} ({t})"},
		{ofDescription, "", "p={e}"},
		{ofDescription, "", "c=IN IP4 {h}"},
		{ofDescription, "", "b=AS:64"},
		{ofDescription, "", "t={n} {n}"},
		{ofDescription, "", "r={n} 1 0 25h"},
		{ofDescription, "", "z={n} -1h"},
		{ofDescription, "", "k=clear:{t}"},
		{ofDescription, "", "a=tool:{t} 1.0"},
		{ofDescription, "", "a=charset:{t}"},
		{ofDescription, "", "a=cat:{t}"},
		{ofDescription, "", "a=keywds:{t} {n}"},
		{ofDescription, "", "a=ice-ufrag:{t}"},
		{ofDescription, "", "a=ice-pwd:{t}{t}"},
		{ofDescription, "", "a=fingerprint:sha-256 {x}"},
		{ofDescription, "", "a=identity:{j}"},
		{ofDescription, "", "a=key-mgmt:mikey {b}"},
		{ofDescription, "", "a=crypto:97 {t} inline:{k}"},
		{ofDescription, "", "a=msid-semantic: WMS {t}"},
		{ofDescription, "", "a=extmap:1 urn:ietf:{t}"},
		{ofDescription, "", "a=sqn: 0"},
		{ofDescription, "", "a=cdsc: 1 audio RTP/AVP {t}"},
		{ofDescription, "", "a=cpar: a={t}"},
		{ofDescription, "", "a=tcap:1 {t}"},
		{ofDescription, "", "a=acap:1 key-mgmt:mikey {b}"},
		{ofDescription, "", "a=group:LS {t}"},
		{ofDescription, "", "a=source-filter: incl IN IP4 {h} {h}"},
		{ofDescription, "", "a=direction:active"},
		{ofDescription, "", "a=nortpproxy:{t}"},
	}
	mediaLines = []field{
		{ofDescription, "", "i={t} {n}"},
		{ofDescription, "", "k=base64:{b}"},
		{ofDescription, "", "a=candidate:{t} 1 UDP 2130706431 {h} 5000 typ srflx raddr {h} rport 5002 ufrag {t}"},
		{ofDescription, "", "a=remote-candidates:1 {h} 5000"},
		{ofDescription, "", "a=rtcp:5001 IN IP4 {h}"},
		{ofDescription, "", "a=end-of-candidates"},
		{ofDescription, "", "a=ice-options:{t}"},
		{ofDescription, "", "a=altc:1 IP4 {h} 6000"},
		{ofDescription, "", "a=altc:2 IP6 {H} 6000"},
		{ofDescription, "", "a=candidate:{t} 1 UDP 2130706430 {H} 5000 typ host"},
		{ofDescription, "", "a=X-nat:{t}"},
		{ofDescription, "", "a=ssrc:77 cname:{t}@{h}"},
		{ofDescription, "", "a=ssrc:77 msid:{t} {t}"},
		{ofDescription, "", "a=ssrc:77 label:{t}"},
		{ofDescription, "", "a=ssrc-group:FID 77 {n}"},
		{ofDescription, "", "a=msid:{t} {t}"},
		{ofDescription, "", "a=mid:{t}"},
		{ofDescription, "", "a=setup:actpass"},
		{ofDescription, "", "a=crypto:98 {t} inline:{k}"},
		{ofDescription, "", "a=crypto:99 AES_CM_128_HMAC_SHA1_80 inline:{k}|2^31|{n}:4 FEC_KEY=inline:{k}"},
		{ofDescription, "", "a=zrtp-hash:1.10 {x}"},
		{ofDescription, "", "a=tls-id:{t}"},
		{ofDescription, "", "a=extmap:2/sendrecv https://{h}/{t}"},
		{ofDescription, "", "a=label:{t}"},
		{ofDescription, "", "a=content:{t}"},
		{ofDescription, "", "a=lang:{t}"},
		{ofDescription, "", "a=rid:{t} send"},
		{ofDescription, "", "a=simulcast:send {t}"},
		{ofDescription, "", "a=path:msrp://{h}:2855/{t};tcp"},
		{ofDescription, "", "a=accept-types:{t}/plain"},
		{ofDescription, "", "a=pcfg:1 t=1 a={t}"},
		{ofDescription, "", "a=des:qos {t} e2e sendrecv"},
		{ofDescription, "", "a=curr:qos {t} none"},
		{ofDescription, "", "a=conf:qos {t} recv"},
		{ofDescription, "", "a=rtcp-xr:rcvr-rtt={t}"},
		{ofDescription, "", "a=rtcp-fb:* nack {t}"},
		{ofDescription, "", "a=rtpmap:97 {t}/8000"},
		{ofDescription, "", "a=fmtp:97 {t}={n}"},
		{ofDescription, "", "a=fmtp:8 {t}={n};x={e}"},
		{ofDescription, "", "a=T38VendorInfo:{t} {n}"},
		{ofDescription, "", "a={t}:{n}"},
		{ofDescription, "", "a={t}"},
	}
	origin = field{ofDescription, "", "{t} {n}"}
	title  = field{ofDescription, "", "s={t} {e}"}
	format = field{ofDescription, "", ";sprop-parameter-sets={b},{j};{t}={n}"} // of a codec that has parameters
	images = field{ofDescription, "", " [x={n},y={t}] {h}"}
	about  = field{ofDescription, "", "i={t} {n}"}
)

// bodies are what a message may carry beside or in place of a description: the
// type, and a body whose lines end in LF here. {B} is a number in reversed BCD, {r} the four bytes of an address, {X}
// those as STUN hides them, {R} the sixteen of one of IPv6.
var bodies = []struct{ kind, text string }{
	{"text/plain", "the call to {e} ({n}) was rejected by {t} at {h}\n"},
	{"application/isup;version={t};base=etsi121", "\x01\x00\x48\x00\x0a\x03\x02\x07\x08{B}\x0a\x07\x03\x13{B}\x00"},
	{"application/QSIG;version={t}", "\x08\x02\x00\x01\x05\x6c\x0d\x21\x83{n}\x70\x0c\xa1{n}"},
	{"application/sdp-{t}", "v=0\no={t} 1 1 IN IP4 {h}\n"},
	{"message/sipfrag;version=2.0", "SIP/2.0 200 {t}\nTo: \"{t}\" <sip:{n}@{h}>\nContact: <sip:{n}@{h}>\n"},
	{"message/sip", "INVITE sip:{n}@{h} SIP/2.0\nFrom: \"{t}\" <tel:{e}>\nCall-ID: {t}@{h}\n\n"},
	{"message/cpim", "From: {t} <im:{n}@{h}>\nTo: <im:{t}@{h}>\n\nContent-Type: text/plain\n\ncall {e}\n"},
	{"application/dialog-info+xml", "<dialog-info entity=\"sip:{n}@{h}\"><dialog id=\"{t}\" call-id=\"{t}@{h}\"><local><identity display=\"{t}\">tel:{e}</identity></local></dialog></dialog-info>\n"},
	{"application/pidf+xml", "<presence entity=\"pres:{t}@{h}\"><tuple id=\"{t}\"><contact>tel:{e}</contact><note>{t}</note></tuple></presence>\n"},
	{"application/pidf+xml;{t}", "<presence entity=\"sip:{n}@{h}\"><geopriv><location-info><civicAddress><A3>{t}</A3><PC>{n}</PC></civicAddress></location-info></geopriv></presence>\n"},
	{"application/rlmi+xml", "<list uri=\"sip:{t}@{h}\"><resource uri=\"tel:{e}\"><name>{t}</name><instance id=\"{t}\" cid=\"{t}@{h}\"/></resource></list>\n"},
	{"application/reginfo+xml", "<reginfo><registration aor=\"sip:{n}@{h}\"><contact><uri>sip:{t}@{h}</uri></contact></registration></reginfo>\n"},
	{"application/conference-info+xml", "<conference-info entity=\"sip:{t}@{h}\"><user entity=\"tel:{e}\"/></conference-info>\n"},
	{"application/simple-message-summary", "Messages-Waiting: yes\nMessage-Account: sip:{n}@{h}\nTo: <{t}>\n"},
	{"application/resource-lists+xml", "<resource-lists><list name=\"{t}\"><entry uri=\"sip:{n}@{h}\"/></list></resource-lists>\n"},
	{"application/rs-metadata+xml", "<recording><participant participant_id=\"{t}\"><nameID aor=\"tel:{e}\"/></participant></recording>\n"},
	{"application/load-control+xml", "<ruleset><rule id=\"{t}\"><call-identity><to><one id=\"tel:{e}\"/></to></call-identity></rule></ruleset>\n"},
	{"application/vnd.3gpp.{t}", "number={n}\n"},
	{"application/pkcs7-mime;smime-type=signed-data;name={t}.p7m", "MIIB{b}{j}\n"},
	{"message/external-body;access-type=URL;URL=\"http://{h}/{t}\"", "Content-Type: text/plain\n\n"},
	{"application/kpml-response+xml", "<kpml-response digits=\"{n}\" tag=\"{t}\"/>\n"},
	{"application/vq-rtcpxr", "VQSessionReport: CallTerm\nCallID: {t}@{h}\nLocalID: <sip:{n}@{h}>\nRemoteAddr: IP={h} PORT=5000\n"},
	{"image/png;name=\"{t}.png\"", "\x89PNG\x00{n}"},
	{"application/stun;name={t}", "\x00\x01\x00\x30\x21\x12\xa4\x42{t}12\x00\x01\x00\x08\x00\x01\x17\x70{r}\x00\x20\x00\x08\x00\x01\x17\x70{X}\x00\x01\x00\x14\x00\x02\x17\x70{R}"},
	{"application/rtcp", "\x81\xcc\x00\x06{r}kana{R}"},
}
