package trunk

import (
	"net/netip"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/sip/digest"
	"mask700/sip/flow"
)

func TestValidate(t *testing.T) {
	const canary = "13800000001"
	for name, c := range map[string]struct {
		change func(*Trunk)
		want   string // "": valid
	}{
		"nothing more": {func(*Trunk) {}, ""},
		"every setting": {func(k *Trunk) {
			k.Caller = []CallerField{From, PAI, RPID}
			k.Prefix = "9"
			k.Domain = "x.example"
			k.Identity = IdentityPAI
			k.EarlyMedia = EarlyRinging
			k.SRTP, k.T38, k.Video, k.RTCPMux, k.DTMF = SRTPAllow, T38Allow, VideoAllow, MuxOffer, DTMFInfo
			k.Pass = "b"
		}, ""},
		"only targets":           {func(k *Trunk) { k.Sources = nil; k.Targets = []Target{{Host: "x"}} }, ""},
		"a domain that is IPv6":  {func(k *Trunk) { k.Domain = "[2001:db8::1]" }, ""},
		"no name":                {func(k *Trunk) { k.Name = "" }, "has no name"},
		"only names":             {func(k *Trunk) { k.Sources = nil; k.TLSNames = []string{"sw1.example.net", "SW-2.example.net."} }, ""},
		"a server's name":        {func(k *Trunk) { k.TLSServerName = "sw1.example.net" }, ""},
		"a server's address":     {func(k *Trunk) { k.TLSServerName = "[2001:db8::1]" }, ""},
		"a server with a port":   {func(k *Trunk) { k.TLSServerName = "x:5061" }, "tls_server_name is not"},
		"a name with a wildcard": {func(k *Trunk) { k.TLSNames = []string{"*.example.net"} }, "tls_names has something"},
		"an empty name":          {func(k *Trunk) { k.TLSNames = []string{""} }, "tls_names has something"},
		"a number for a name":    {func(k *Trunk) { k.TLSNames = []string{canary} }, "tls_names has something"},
		"an address for a name":  {func(k *Trunk) { k.TLSNames = []string{"192.0.2.1"} }, "tls_names has something"},
		"a URI for a name":       {func(k *Trunk) { k.TLSNames = []string{"sip:sw1.example.net"} }, "tls_names has something"},
		"a name of two dots":     {func(k *Trunk) { k.TLSNames = []string{"sw1..example"} }, "tls_names has something"},
		"no peer":                {func(k *Trunk) { k.Sources = nil }, "sources and targets are both empty"},
		"an empty prefix":        {func(k *Trunk) { k.Sources = []netip.Prefix{{}} }, "sources has something"},
		"an empty target":        {func(k *Trunk) { k.Targets = []Target{{}} }, "a target is not"},
		"a target of port -1":    {func(k *Trunk) { k.Targets = []Target{{Host: "x", Port: -1}} }, "a target is not"},
		"a target of no network": {func(k *Trunk) { k.Targets = []Target{{Host: "x", Network: flow.WSS + 1}} }, "a target is not"},
		"a target to dial":       {func(k *Trunk) { k.Targets = []Target{{Host: "x", Network: flow.WS}} }, "a target is not"},
		"a target of nobody":     {func(k *Trunk) { k.Targets = []Target{{Host: "x", Addr: netip.MustParseAddrPort("0.0.0.0:5060")}} }, "nobody can be reached"},
		"an unknown header":      {func(k *Trunk) { k.Caller = []CallerField{"to"} }, "none of pai, rpid, from"},
		"a header twice":         {func(k *Trunk) { k.Caller = []CallerField{PAI, PAI} }, "same header twice"},
		"an unknown format":      {func(k *Trunk) { k.Numbers = binding.International + 1 }, "numbers is none of"},
		"a prefix in letters":    {func(k *Trunk) { k.Prefix = "x" }, "prefix is not"},
		"a prefix that is long":  {func(k *Trunk) { k.Prefix = canary }, "prefix is not"},
		"a prefix before a plus": {func(k *Trunk) { k.Prefix = "9"; k.Numbers = binding.Plus }, "in front of a plus"},
		"a domain with a port":   {func(k *Trunk) { k.Domain = "x:5060" }, "domain is not"},
		"a domain with a user":   {func(k *Trunk) { k.Domain = canary + "@x" }, "domain is not"},
		"a bare IPv6 domain":     {func(k *Trunk) { k.Domain = "2001:db8::1" }, "domain is not"},
		"pass to itself":         {func(k *Trunk) { k.Pass = "a" }, "pass names the trunk itself"},
		"an unknown identity":    {func(k *Trunk) { k.Identity = canary }, "identity is none of"},
		"an unknown latch":       {func(k *Trunk) { k.Latch = canary }, "latch is none of"},
		"an unknown early media": {func(k *Trunk) { k.EarlyMedia = canary }, "early_media is none of"},
		"an unknown srtp":        {func(k *Trunk) { k.SRTP = canary }, "srtp is none of"},
		"an unknown video":       {func(k *Trunk) { k.Video = canary }, "video is neither"},
		"an unknown t38":         {func(k *Trunk) { k.T38 = canary }, "t38 is neither"},
		"an unknown dtmf":        {func(k *Trunk) { k.DTMF = canary }, "dtmf is none"},
		"an unknown mux":         {func(k *Trunk) { k.RTCPMux = canary }, "rtcp_mux is neither"},
		"an encrypted fax":       {func(k *Trunk) { k.SRTP, k.T38 = SRTPRequire, T38Allow }, "a fax cannot be encrypted"},

		"every account": {func(k *Trunk) {
			k.Targets = []Target{{Host: "x"}}
			k.Auth = &digest.Account{User: canary, Realm: "x"}
			k.Challenge = &Challenge{Realm: "x", Users: []digest.User{{Name: "a"}, {Name: "b"}}}
			k.Register = &Register{AOR: "sips:" + canary + "@x:5061", Expires: MinRegister, User: "700100000010007"}
		}, ""},
		"an account of no user":      {func(k *Trunk) { k.Auth = &digest.Account{} }, "the name of an account"},
		"an account with a line end": {func(k *Trunk) { k.Auth = &digest.Account{User: canary + "\r\n"} }, "the name of an account"},
		"a realm with a line end":    {func(k *Trunk) { k.Auth = &digest.Account{User: "x", Realm: canary + "\n"} }, "a realm is"},
		"a challenge of no realm":    {func(k *Trunk) { k.Challenge = &Challenge{Users: []digest.User{{Name: "a"}}} }, "a realm is"},
		"a challenge of nobody":      {func(k *Trunk) { k.Challenge = &Challenge{Realm: "x"} }, "no users"},
		"a challenge of a colon":     {func(k *Trunk) { k.Challenge = &Challenge{Realm: "x", Users: []digest.User{{Name: canary + ":"}}} }, "without a colon"},
		"a challenge of one twice": {func(k *Trunk) {
			k.Challenge = &Challenge{Realm: "x", Users: []digest.User{{Name: canary}, {Name: canary}}}
		}, "of one name"},
		"a registration nowhere": {func(k *Trunk) { k.Register = &Register{AOR: "sip:a@x", Expires: MinRegister} }, "needs targets"},
		"a registration of nobody": {func(k *Trunk) {
			k.Targets, k.Register = []Target{{Host: "x"}}, &Register{AOR: "sip:x", Expires: MinRegister}
		}, "aor: sip:USER@DOMAIN"},
		"a registration for a moment": {func(k *Trunk) {
			k.Targets, k.Register = []Target{{Host: "x"}}, &Register{AOR: "sip:a@x", Expires: MinRegister - 1}
		}, "from 1m to 24h"},
		"a registration with a Contact that is a list": {func(k *Trunk) {
			k.Targets, k.Register = []Target{{Host: "x"}}, &Register{AOR: "sip:a@x", Expires: MinRegister, User: canary + ">,<sip:a"}
		}, "register.user is"},
	} {
		t.Run(name, func(t *testing.T) {
			k := Trunk{Name: "a", Sources: prefixes("192.0.2.1/32")}
			c.change(&k)
			err := k.Validate()
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want == "":
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("error %v, want %s", err, c.want)
			case k.Name != "" && !strings.HasPrefix(err.Error(), "trunk a: "):
				t.Errorf("the trunk is not named: %v", err)
			case strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "\n"):
				t.Errorf("a value is repeated, or more than a line: %v", err)
			}
		})
	}
}
