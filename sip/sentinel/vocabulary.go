package sentinel

import (
	"strings"

	"mask700/media/sdp"
	"mask700/sip/message"
)

// ours says whether a text is among the words that this program writes into
// messages of its own: they are no secret, whoever else uses them.
func ours(text string) bool {
	var b [maxLength]byte
	low := b[:0]
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		low = append(low, c)
	}
	return strings.Contains(lowVocabulary, string(low))
}

// phrases are the reason phrases (package message).
var phrases = func() string {
	var b strings.Builder
	for status := 100; status < 700; status++ {
		if p := message.Phrase(status); !strings.Contains(b.String(), p) {
			b.WriteString(p + " ")
		}
	}
	return b.String()
}()

// vocabulary is all of them: start lines, names and values of headers, lines of session
// descriptions.
var vocabulary = "SIP/2.0/UDP SIP/2.0/TCP SIP/2.0/TLS SIP/2.0/WSS sip:anonymous@anonymous.invalid sips: tel: " +
	"INVITE ACK CANCEL BYE OPTIONS PRACK UPDATE INFO REFER NOTIFY REGISTER INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER " +
	";rport;branch=z9hG4bK ;received= ;rport= ;tag= ;lr ;transport=udp ;transport=tcp ;transport=tls ;transport=ws ;transport=wss " +
	";user=phone ;phone-context=+ ;expires= ;reg-id= +sip.instance ;party=calling;screen=yes;privacy=off privacy=full unknown.invalid " +
	"Via: Max-Forwards: Route: Record-Route: From: To: Call-ID: CSeq: Contact: Allow: Accept: Supported: Require: Unsupported: " +
	"P-Asserted-Identity: Remote-Party-ID: Privacy: id id;critical RAck: RSeq: Session-Expires: Min-SE: Expires: Event: Subscription-State: " +
	"Authorization: Proxy-Authorization: WWW-Authenticate: Proxy-Authenticate: Reason: Q.850;cause= Retry-After: Recv-Info: Timestamp: " +
	"Content-Type: Content-Length: Content-Disposition: ;refresher=uac ;refresher=uas 100rel, timer replaces outbound path gruu " +
	"Digest username= realm= nonce= uri= response= cnonce= opaque= algorithm=MD5 algorithm=SHA-256 algorithm=SHA-512-256 qop=auth auth-int nc=00000001 stale=true stale=false " +
	"active;expires=180 terminated;reason=noresource refer message/sipfrag;version=2.0 " +
	"application/sdp application/dtmf-relay application/dtmf Signal= Duration= text/plain;charset=utf-8 " +
	"v=0 o=- s=- c=IN IP4 c=IN IP6 t=0 0 m=audio m=video m=image m=text m=application m=message RTP/AVP RTP/SAVP RTP/AVPF RTP/SAVPF udptl t38 " +
	"UDP/TLS/RTP/SAVP UDP/TLS/RTP/SAVPF a=rtcp-mux a=ptime: a=maxptime: a=sendrecv a=sendonly a=recvonly a=inactive a=rtpmap: a=fmtp: a=crypto: inline: " +
	"AES_CM_128_HMAC_SHA1_80 AES_CM_128_HMAC_SHA1_32 AES_256_CM_HMAC_SHA1_80 AES_256_CM_HMAC_SHA1_32 AEAD_AES_128_GCM AEAD_AES_256_GCM " +
	"b=AS: a=rtcp-fb: a=framerate: a=imageattr: " +
	"a=T38FaxVersion: a=T38MaxBitRate: a=T38FaxFillBitRemoval a=T38FaxTranscodingMMR a=T38FaxTranscodingJBIG a=T38FaxRateManagement: " +
	"transferredTCF localTCF a=T38FaxMaxBuffer: a=T38FaxMaxDatagram: a=T38FaxMaxIFP: a=T38FaxUdpEC: t38UDPRedundancy t38UDPFEC t38UDPNoEC a=T38VendorInfo: " +
	"bitrate=16000 maxplaybackrate=48000 sprop-maxcapturerate=48000 " +
	sdp.Words() + phrases

// lowVocabulary is that in small letters.
var lowVocabulary = strings.ToLower(vocabulary)
