package sdp

import "testing"

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
		for _, clock := range k.clocks {
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
	for pt, name := range map[uint8]string{0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 13: "CN", 15: "G728", 18: "G729"} {
		c, ok := anyCodec(pt, "")
		if !ok || c.Name != name || c.Clock != 8000 || c.Channels != 1 {
			t.Errorf("%d: %+v, %t", pt, c, ok)
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
