package sdp

import (
	"fmt"
	"strings"
	"testing"
)

func TestFmtpIsComposedAnew(t *testing.T) {
	tests := []struct{ codec, text, want string }{
		{"telephone-event", "0-15", "0-15"},
		{"telephone-event", "0-11, 16,12-15", "0-16"},
		{"telephone-event", "1,3,8,0,0,1,3,8", "0-1,3,8"},
		{"telephone-event", "66,70,32-49,0-15", "0-15,32-49,66,70"},
		{"telephone-event", "0-256", ""},
		{"telephone-event", "15-0", ""},
		{"telephone-event", "0-15;secret", ""},
		{"telephone-event", "", ""},
		{"opus", "minptime=10; useinbandfec=1", "minptime=10;useinbandfec=1"},
		{"opus", "USEINBANDFEC=1;stereo=2;x-number=13800138000", "useinbandfec=1"},
		{"opus", "maxaveragebitrate=13800138000", ""},
		{"opus", "maxaveragebitrate=+64000", ""},
		{"opus", "maxaveragebitrate=064000", "maxaveragebitrate=64000"},
		{"opus", "cbr=1;cbr=0", "cbr=1"},
		{"opus", ";;=;cbr", ""},
		{"AMR", "mode-set=7,2,0;octet-align=1;channels=1", "octet-align=1;mode-set=0,2,7"},
		{"AMR", "mode-set=0,8", ""},
		{"AMR", "mode-set=0-7", ""},
		{"AMR-WB", "mode-set=0,8;max-red=220", "mode-set=0,8;max-red=220"},
		{"AMR-WB", "max-red=99999", ""},
		{"iLBC", "mode=20", "mode=20"},
		{"iLBC", "mode=25", ""},
		{"G729", "annexb=NO", "annexb=no"},
		{"G729", "annexb=maybe", ""},
		{"G723", "annexa=no;bitrate=6.3", "bitrate=6.3;annexa=no"},
		{"G7221", "bitrate=32000", "bitrate=32000"},
		{"EVS", "br=5.9-24.4;bw=nb-swb;ch-aw-recv=-1;dtx=0", "dtx=0;br=5.9-24.4;bw=nb-swb;ch-aw-recv=-1"},
		{"EVS", "br=24.4-5.9;bw=swb-nb", ""},
		{"EVS", "br=13.2;bw=swb", "br=13.2;bw=swb"},
		{"EVS", "br=13.2-;bw=-wb", ""},
		{"PCMA", "anything=13800138000", ""},
		{"G7291", "mbs=12000;maxbitrate=32000;dtx=1;maxbitrate=13800", "maxbitrate=32000;mbs=12000;dtx=1"},
		{"G711-0", "complaw=AL", "complaw=al"},
		{"PCMU-WB", "mode-set=4,3", "mode-set=3,4"},
		{"G719", "interleaving=8;max-red=220;int-delay=ABCD1234:1000", "interleaving=8;max-red=220"},
		{"EVRC", "maxinterleave=5;silencesupp=1;dtxmax=32;dtxmin=12;hangover=1;fixedrate=0.5;dtxmax=13800", "maxinterleave=5;silencesupp=1;dtxmax=32;dtxmin=12;hangover=1;fixedrate=0.5"},
		{"EVRCWB", "mode-set-recv=7,4,0;sendmode=4;recvmode=8", "sendmode=4;mode-set-recv=0,4,7"},
		{"SILK", "maxaveragebitrate=25000;useinbandfec=1;usedtx=0", "maxaveragebitrate=25000;useinbandfec=1;usedtx=0"},
		{"MPA", "layer=3;mode=joint_stereo;samplerate=48000;bitrate=13800138", "layer=3;samplerate=48000;mode=joint_stereo"},
		{"iSAC", "ibitrate=32000", "ibitrate=32000"},
		{"GSM-HR-08", "max-red=0", "max-red=0"},
		{"nothing", "mode=20", ""},
	}
	for _, tt := range tests {
		if got := fmtp(tt.codec, tt.text); got != tt.want {
			t.Errorf("fmtp(%s, %q) = %q, want %q", tt.codec, tt.text, got, tt.want)
		}
	}
}

func TestEveryCodecOfTheListCanBeRead(t *testing.T) {
	for _, k := range codecs {
		clocks := k.clocks
		if clocks == nil {
			clocks = []uint32{minClock, 11025, maxClock}
		}
		for _, clock := range clocks {
			want := k.codec(96, clock)
			text := string(want.appendTo(nil))
			got, ok := anyCodec(96, text[len("a=rtpmap:96 "):len(text)-2])
			if !ok || got != want {
				t.Errorf("%s/%d: got %+v, %t", k.name, clock, got, ok)
			}
		}
	}
}

func TestStaticTypesNeedNoRtpmap(t *testing.T) {
	for pt, want := range map[uint8]string{0: "PCMU/8000", 3: "GSM/8000", 4: "G723/8000", 5: "DVI4/8000", 6: "DVI4/16000", 7: "LPC/8000", 8: "PCMA/8000", 9: "G722/8000",
		10: "L16/44100/2", 11: "L16/44100", 12: "QCELP/8000", 13: "CN/8000", 14: "MPA/90000", 15: "G728/8000", 16: "DVI4/11025", 17: "DVI4/22050", 18: "G729/8000",
		31: "H261/90000", 34: "H263/90000"} {
		c, ok := anyCodec(pt, "")
		said, also := anyCodec(pt, want)
		if text := fmt.Sprintf("a=rtpmap:%d %s\r\n", pt, want); !ok || !also || c != said || string(c.appendTo(nil)) != text || lookup(c.Name) == nil || !lookup(c.Name).takes(c.Clock) {
			t.Errorf("%d: %+v, %+v, want %s", pt, c, said, want)
		}
	}
	for pt := uint8(35); pt < 128; pt++ {
		if c, ok := anyCodec(pt, ""); ok {
			t.Errorf("%d: %+v", pt, c)
		}
	}
}

// A list that is read by spelling finds what it would find by any case, and every alias is for a codec of the list that is not
// one itself.
func TestNamesOfCodecs(t *testing.T) {
	for i, k := range codecs {
		if lookup(k.name) != &codecs[i] || lookup(strings.ToUpper(k.name)) != &codecs[i] || lookup(strings.ToLower(k.name)) != &codecs[i] {
			t.Errorf("%s is not found", k.name)
		}
	}
	for _, a := range aliases {
		if spelled[a[1]] == nil || spelled[a[0]] != nil || lookup(strings.ToLower(a[0])) != spelled[a[1]] {
			t.Errorf("%s for %s", a[0], a[1])
		}
	}
}

// Where a parameter is of the format and not a limit, others are another codec.
func TestFormatsThatDiffer(t *testing.T) {
	codec := func(name, fmtp string) Codec { return Codec{Name: name, Clock: 8000, Channels: 1, Fmtp: fmtp} }
	for _, tt := range []struct {
		a, b Codec
		same bool
	}{
		{codec("G711-0", "complaw=al"), codec("G711-0", "complaw=mu"), false},
		{codec("G7221", "bitrate=24000"), codec("G7221", "bitrate=32000"), false},
		{codec("G7221", "bitrate=24000"), codec("G7221", "bitrate=24000"), true},
		{codec("G729", "annexb=no"), codec("G729", ""), true},
		{codec("AMR", "octet-align=1"), codec("AMR", ""), false},
		{codec("EVRC", "dtxmax=1"), codec("EVRC", "dtxmax=2"), true},
	} {
		if same(tt.a, tt.b) != tt.same {
			t.Errorf("%+v and %+v", tt.a, tt.b)
		}
	}
}

// TestFormat: what a recording calls a codec is all that a decoder needs, and fits into its format whatever was said.
func TestFormat(t *testing.T) {
	every := "evs-mode-switch=1;hf-only=1;dtx=1;dtx-recv=1;br=5.9-128;br-send=5.9-128;br-recv=5.9-128;bw=nb-fb;bw-send=nb-swb;bw-recv=nb-swb;cmr=-1;ch-aw-recv=-1;" +
		"max-red=65535;mode-set=0,1,2,3,4,5,6,7,8;mode-change-period=2;mode-change-capability=2;mode-change-neighbor=1"
	for text, want := range map[string]string{
		"m=audio 4000 RTP/AVP 8\r\n":                                                              "PCMA",
		"m=audio 4000 RTP/AVP 9\r\na=rtpmap:9 G722/16000\r\n":                                     "G722",
		"m=audio 4000 RTP/AVP 18\r\na=fmtp:18 annexb=no\r\n":                                      "G729/8000 annexb=no",
		"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 speex/16000\r\n":                                  "speex/16000",
		"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=1;who=knows\r\n": "opus/48000/2 stereo=1",
		"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 amr/8000\r\na=fmtp:96 octet-align=1\r\n":          "AMR/8000 octet-align=1",
		"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 EVS/16000\r\na=fmtp:96 " + every + "\r\n":         "EVS/16000",
	} {
		d := mustParse(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"+text)
		m, err := Remote(d)
		if err != nil || len(m.Types) != 1 || m.Types[0].Format != want {
			t.Errorf("%q is %+v, want %q (%v)", text, m.Types, want, err)
		}
	}
}
