package sdp

import (
	"bytes"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"mask700/media/srtp"
)

// written is everything that a body of ours may hold, line by line: with it, no
// text of the input's can be in the output, whatever the input was.
var written = []*regexp.Regexp{
	regexp.MustCompile(`^v=0$`),
	regexp.MustCompile(`^o=- 7 [1-3] IN IP4 192\.0\.2\.1$`),
	regexp.MustCompile(`^s=-$`),
	regexp.MustCompile(`^c=IN IP4 192\.0\.2\.1$`),
	regexp.MustCompile(`^t=0 0$`),
	regexp.MustCompile(`^m=audio 20000 RTP/S?AVPF?( \d{1,3})+$`),
	regexp.MustCompile(`^m=video 20002 RTP/S?AVPF?( \d{1,3})+$`),
	regexp.MustCompile(`^b=AS:\d{1,6}$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} (H261|H263|H263-1998|H263-2000|H264|H265|VP8|VP9|AV1)/90000$`),
	regexp.MustCompile(`^a=fmtp:\d{1,3} ([A-Za-z-]+[0-9]{0,2}=(\d{1,6}|[0-9a-f]{6});?)+$`),
	regexp.MustCompile(`^a=rtcp-fb:\d{1,3} (nack|nack pli|ccm fir)$`),
	regexp.MustCompile(`^a=imageattr:\d{1,3}( (send|recv)( (\*|\[x=[0-9:\[\]]+,y=[0-9:\[\]]+\]))+)+$`),
	regexp.MustCompile(`^a=framerate:\d{1,3}(\.\d{1,2})?$`),
	regexp.MustCompile(`^m=image 20000 udptl t38$`),
	regexp.MustCompile(`^a=T38FaxVersion:\d$`),
	regexp.MustCompile(`^a=T38(MaxBitRate|FaxMaxBuffer|FaxMaxDatagram):\d{1,5}$`),
	regexp.MustCompile(`^a=T38Fax(FillBitRemoval|TranscodingMMR|TranscodingJBIG)$`),
	regexp.MustCompile(`^a=T38FaxRateManagement:(localTCF|transferredTCF)$`),
	regexp.MustCompile(`^a=T38FaxUdpEC:t38UDP(FEC|Redundancy|NoEC)$`),
	regexp.MustCompile(`^a=rtcp-mux$`),
	regexp.MustCompile(`^a=crypto:\d{1,6} (AEAD_AES_256_GCM|AEAD_AES_128_GCM|AES_CM_128_HMAC_SHA1_80|AES_CM_128_HMAC_SHA1_32) inline:[A-Za-z0-9+/]+=*$`),
	regexp.MustCompile(`^m=(audio|video|text|application|message|image) 0 [A-Za-z/]+ (\d{1,3}|\*|t38)$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} (PCMU|PCMA|CN|VDVI|DVI4)/(8000|11025|12000|16000|22050|24000|32000|44100|48000)$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} L(8|16|20|24)/(8000|11025|12000|16000|22050|24000|32000|44100|48000)(/2)?$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} (G722|G723|G728|G729[DE]?|(AAL2-)?G726-(16|24|32|40)|GSM|GSM-EFR|GSM-HR-08|iLBC|AMR|BV16|LPC|QCELP|SMV0?|EVRCB?[01]?|G711-0|CLEARMODE)/8000$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} (AMR-WB|EVS|PCM[AU]-WB|G7291|EVRC[WN][BW][01]?|BV32)/16000$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} (G7221|iSAC)/(16000|32000)$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} speex/(8000|16000|32000)$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} SILK/(8000|12000|16000|24000)$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} (telephone-event|tone)/\d{4,6}$`),
	regexp.MustCompile(`^a=rtpmap:\d{1,3} (G719/48000(/2)?|opus/48000/2|MPA/90000)$`),
	regexp.MustCompile(`^a=fmtp:\d{1,3} \d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*$`),
	regexp.MustCompile(`^a=fmtp:\d{1,3} ([a-z-]+=(-?\d{1,6}|\d(,\d)*|[0-9.]{1,4}(-[0-9.]{1,4})?|[a-z]{2,3}(-[a-z]{2,3})?|stereo|(joint|dual|single)_(stereo|channel))(;|$))+$`),
	regexp.MustCompile(`^a=(max)?ptime:\d{1,4}$`),
	regexp.MustCompile(`^a=(sendrecv|sendonly|recvonly|inactive)$`),
}

var (
	longNumber = regexp.MustCompile(`\d{7}`)
	keys       = regexp.MustCompile(`inline:[^\r]*`) // random, and never the input's: see below
)

// checkAnswered is checkWritten for what goes back to who sent d: lines that are in no
// list are refused in it by their own names, and nothing else of them is there.
func checkAnswered(t *testing.T, body []byte, d *Description, theirs []srtp.Crypto) {
	t.Helper()
	for _, ln := range d.Lines {
		if !ln.isForeign() {
			continue
		}
		refused := []byte("\r\nm=" + ln.Foreign.Media + " 0 " + ln.Foreign.Proto + " " + ln.Foreign.Format + "\r\n")
		if !bytes.Contains(body, refused) {
			t.Errorf("%q is not in\n%s", refused, body)
		}
		if len(refused) > len("\r\nm= 0  \r\n")+3*maxToken {
			t.Errorf("%q is too long", refused)
		}
		body = bytes.Replace(body, refused, []byte("\r\n"), 1)
	}
	checkWritten(t, body, theirs)
}

// checkWritten fails the test when a body holds anything but what may be written.
func checkWritten(t *testing.T, body []byte, theirs []srtp.Crypto) {
	t.Helper()
	if longNumber.Match(keys.ReplaceAll(body, nil)) {
		t.Errorf("a long number is in\n%s", body)
	}
	text, ended := strings.CutSuffix(string(body), "\r\n")
	if !ended {
		t.Errorf("the last line does not end in\n%s", body)
	}
	for _, line := range strings.Split(text, "\r\n") {
		ok := false
		for _, re := range written {
			ok = ok || re.MatchString(line)
		}
		if !ok {
			t.Errorf("line %q of\n%s", line, body)
		}
	}
	d, err := Parse(body)
	if err != nil {
		t.Errorf("%v in our own\n%s", err, body)
		return
	}
	l := NewLeg(1, Policy{SRTP: SRTPAllow, T38: true, Video: true})
	if l.Receive(d); l.Peer.stream() == nil {
		t.Errorf("no stream in our own\n%s", body)
	}
	for _, line := range l.Peer.Lines {
		for _, c := range line.Crypto {
			for peer := range theirs {
				if c.Key.Equal(theirs[peer].Key) {
					t.Errorf("a key of the input's is in\n%s", body)
				}
			}
		}
	}
}

// FuzzRewrite: whatever can be read is written into something that can be read
// again, and nothing of the input but numbers of a few digits and names out of
// closed lists is in it. The input plays the caller's offer, the callee's answer
// and the callee's new offer.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte(strings.ReplaceAll(plain, "\r\n", "\n")))
	f.Add([]byte("v=0\no=13800138000 2890844526 2890844526 IN IP4 10.1.2.3\ns=13800138000\ni=13900139000\nc=IN IP4 10.1.2.3\nt=0 0\n" +
		"a=tool:13800138000\na=13800138000\nm=audio 49170/1 RTP/AVPF 96 97 98 99 101 9 18 4\na=rtpmap:96 opus/48000/2\na=fmtp:96 maxaveragebitrate=510000;x=13800138000\n" +
		"a=rtpmap:97 AMR-WB/16000\na=fmtp:97 mode-set=0,1,2\na=rtpmap:98 EVS/16000/1\na=fmtp:98 br=5.9-24.4;bw=nb-swb;ch-aw-recv=-1\na=rtpmap:99 ilbc/8000\na=fmtp:99 mode=30\n" +
		"a=rtpmap:101 telephone-event/48000\na=fmtp:101 0-15,66,70\na=fmtp:18 annexb=no\na=fmtp:4 bitrate=5.3\na=rtcp:49171 IN IP4 10.1.2.3\na=ssrc:1 cname:13800138000@10.1.2.3\n" +
		"m=video 4 RTP/AVP 31\nm=image 5 udptl t38\nm=message 9 TCP/MSRP *\na=path:msrp://13800138000@10.1.2.3\nm=audio 0 RTP/SAVP 0"))
	f.Add([]byte(strings.Replace(plain, "c=IN IP4 10.1.2.3", "c=IN IP4 0.0.0.0", 1) + "a=inactive"))
	f.Add([]byte(strings.Replace(plain, "AVP 8", "AVP 8 72 95 5 11 20 21 22 23 24 25", 1) + "a=rtpmap:72 EVRCB/8000\na=fmtp:72 dtxmax=32;hangover=1;fixedrate=0.5;silencesupp=13800138000\n" +
		"a=rtpmap:95 telephone-event/138001\na=rtpmap:11 L16/48000/2\na=rtpmap:20 MPA/90000\na=fmtp:20 layer=3;mode=joint_stereo;bitrate=138001\na=rtpmap:21 G719/48000\n" +
		"a=fmtp:21 int-delay=ABCD1234:1000,13800138:640;interleaving=8\na=rtpmap:22 G711-0/8000\na=fmtp:22 complaw=mu\na=rtpmap:23 EVRCWB/16000\na=fmtp:23 mode-set-recv=0,4,7;sendmode=4\n" +
		"a=rtpmap:24 tone/8000\na=rtpmap:25 G729AB/8000\na=rtcp-mux\na=rtcp:13800 IN IP6 2001:db8::1380"))
	f.Add([]byte(strings.Replace(plain, "RTP/AVP", "RTP/SAVPF", 1) + "a=crypto:138001 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20\na=rtcp-mux\n" +
		"a=crypto:2 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0OD6ChoqOkpaanqKmqqw=="))
	f.Add([]byte(strings.Replace(plain, "audio 4000 RTP/AVP 8", "image 4000 udptl t38", 1) + "a=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxFillBitRemoval\n" +
		"a=T38FaxRateManagement:transferredTCF\na=T38FaxMaxBuffer:1100\na=T38FaxMaxDatagram:13800138000\na=T38FaxUdpEC:t38UDPFEC\na=T38VendorInfo:13800138000"))
	f.Add([]byte(strings.Replace(plain, "m=audio 4000", "m=audio 0", 1)))
	f.Add([]byte(strings.Replace(plain, "m=audio", "m=13800138000 9 TCP/MRCPv2 1\r\na=rtpmap:13800138000\r\na=rtcp:13800138000\r\nm=video 0 13800138000/RTP 31\r\nm=audio", 1) +
		"m=control 9 UDP/CTL 13800138000 13900139000\nc=IN IP4 10.1.2.9"))
	f.Add([]byte(plain + "m=video 4002 RTP/AVPF 96 97 34\nb=TIAS:13800138\nb=AS:1380013800\na=rtpmap:96 H264/90000\na=fmtp:96 profile-level-id=42e01F;packetization-mode=1;sprop-parameter-sets=MTM4MDAxMzgwMDA=\n" +
		"a=rtpmap:97 VP8/90000\na=fmtp:97 max-fr=30;max-fs=3600\na=fmtp:34 CIF=1;QCIF=1\na=rtcp-fb:* nack pli\na=rtcp-fb:96 ccm fir\na=rtcp-fb:96 13800138000\na=framerate:29.97\n" +
		"a=imageattr:* send [x=[320:16:640],y=480,sar=13800138000] recv *\na=ssrc:1 cname:13800138000@10.1.2.3\na=msid:13800138000 1\na=mid:13800138000"))
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := Parse(in)
		if err != nil {
			return
		}
		at := Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000, Video: 20002, Secret: srtp.NewSecret([32]byte{1})}
		for _, p := range []Policy{{}, {SRTP: SRTPAllow, T38: true, Mux: true, Video: true}, {SRTP: SRTPRequire, Video: true}, {Video: true}} {
			rewrite(t, d, at, p)
		}
	})
}

func rewrite(t *testing.T, d *Description, at Local, p Policy) {
	var theirs []srtp.Crypto
	for _, ln := range d.Lines {
		theirs = append(theirs, ln.Crypto...)
	}
	leg := NewLeg(7, p)
	leg.Receive(d)
	from := leg.Peer
	_, remoteErr := Remote(&from)
	leg = NewLeg(7, p)
	if body, err := leg.Offer(&from, at); err == nil {
		checkWritten(t, body, theirs)
		if remoteErr != nil {
			t.Errorf("offered what has no remote: %v", remoteErr)
		}
		leg.Receive(d)
		// As an answer it may be in want of a key that we offered.
		if _, err := leg.Remote(); err != nil && p.SRTP == SRTPOff {
			t.Error(err)
		}
		if body, err = leg.Offer(&from, at); err != nil {
			t.Errorf("the second offer: %v", err)
		}
		checkWritten(t, body, theirs)
	}
	leg = NewLeg(7, p)
	leg.Receive(d)
	if body, err := leg.Answer(&from, at); err == nil {
		checkAnswered(t, body, d, theirs)
		if got := len(leg.Lines); got != len(d.Lines) {
			t.Errorf("%d lines answered %d", got, len(d.Lines))
		}
		if _, err := leg.Remote(); err != nil {
			t.Errorf("answered what has no remote: %v", err)
		}
		if body, err = leg.Offer(&from, at); err != nil {
			t.Errorf("an offer after the answer: %v", err)
		}
		checkAnswered(t, body, d, theirs)
	}
}
