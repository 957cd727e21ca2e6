package config

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mask700/sip/transport/transporttest"
)

const mutualFile = `sip:
  listen:
    - {name: inside, bind: "udp:0.0.0.0:5060"}
    - {name: inside, bind: "tls:0.0.0.0:5061", tls: {certificate: c, key: k, client_ca: ca}}
    - {name: web, bind: "wss:0.0.0.0:443", tls: {certificate: c, key: k, client_ca: ca, client_auth: request}}
    - {name: web, bind: "ws:0.0.0.0:80"}
    - {name: plain, bind: "tls:0.0.0.0:5071", tls: {certificate: c, key: k}}
trunks:
  - name: a
    listen: inside
    tls_names: [SW1.example.net., sw2.example.net]
    targets: ["sip:sw1.example.net:5061;transport=tls"]
    tls_ca: carrier.pem
    tls_server_name: sip.example.net
  - name: phones
    listen: web
    tls_names: [phones.example.net]
    route_to: a
`

func TestIdentitiesAreRead(t *testing.T) {
	c, err := Parse("f.yaml", []byte(mutualFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.validate(nil); err != nil {
		t.Fatal(err)
	}
	for i, want := range []ClientAuth{"", ClientRequire, ClientRequest, "", ClientNone} {
		if got := c.SIP.Listen[i].TLS.ClientAuth; got != want {
			t.Errorf("listener %d asks %q, want %q", i, got, want)
		}
	}
	a := c.TrunkList()[0]
	if !slices.Equal(a.TLSNames, []string{"sw1.example.net", "sw2.example.net"}) || a.ServerName(a.Targets[0]) != "sip.example.net" || c.Trunks[0].TLSCA != "carrier.pem" {
		t.Errorf("%+v", a)
	}
	table, err := c.TrunkTable()
	if err != nil {
		t.Fatal(err)
	}
	if k := table.MatchPeer("web", []string{"phones.example.net"}); k == nil || k.Name != "phones" {
		t.Errorf("the phones are on %+v", k)
	}
	if table.MatchPeer("inside", []string{"phones.example.net"}) != nil {
		t.Error("the phones are on a listener that is not theirs")
	}
	shown, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("shown.yaml", shown)
	if err != nil {
		t.Fatalf("%v in\n%s", err, shown)
	}
	c.file, c.lines, again.file, again.lines = "", nil, "", nil
	if !reflect.DeepEqual(c, again) {
		t.Errorf("shown:\n%s\nread back: %+v\nwas: %+v", shown, again, c)
	}
}

// Neighbours of what is refused.
func TestStreamsOfOnePortThatDoNotClash(t *testing.T) {
	for _, text := range []string{
		`sip: {listen: [{name: a, bind: "udp:0.0.0.0:5060"}, {name: b, bind: "tcp:0.0.0.0:5060"}]}`,
		`sip: {listen: [{name: a, bind: "ws:0.0.0.0:0"}, {name: b, bind: "tcp:0.0.0.0:0"}]}`,
		`sip: {listen: [{name: a, bind: "ws:192.0.2.1:80"}, {name: b, bind: "tcp:192.0.2.2:80"}]}`,
	} {
		c, err := Parse("f.yaml", []byte(text+"\n"))
		if err == nil {
			err = c.validate(nil)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestListenerTLSIsLoaded(t *testing.T) {
	dir := t.TempDir()
	a := transporttest.NewAuthority(t)
	certificate, key := a.Write(dir, "us", a.Issue(transporttest.Holder{DNS: []string{"us.example"}}))
	authorities := a.WritePool(dir, "ca.pem")
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tls  ListenerTLS
		asks tls.ClientAuthType
		says string // of the error; "": none
	}{
		"nothing asked":     {ListenerTLS{certificate, key, "", ClientNone}, tls.NoClientCert, ""},
		"asked":             {ListenerTLS{certificate, key, authorities, ClientRequest}, tls.VerifyClientCertIfGiven, ""},
		"required":          {ListenerTLS{certificate, key, authorities, ClientRequire}, tls.RequireAndVerifyClientCert, ""},
		"no certificate":    {ListenerTLS{"none", key, "", ClientNone}, 0, "not a certificate and its key"},
		"another key":       {ListenerTLS{certificate, certificate, "", ClientNone}, 0, "not a certificate and its key"},
		"no authorities":    {ListenerTLS{certificate, key, "none.pem", ClientRequire}, 0, "none.pem: cannot be read"},
		"empty authorities": {ListenerTLS{certificate, key, empty, ClientRequire}, 0, "no certificate in it"},
	} {
		got, err := c.tls.Load()
		switch {
		case c.says != "":
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: error %v, want %s", name, err, c.says)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case got.ClientAuth != c.asks || len(got.Certificates) != 1 || (got.ClientCAs != nil) != (c.asks != tls.NoClientCert):
			t.Errorf("%s: asks %v", name, got.ClientAuth)
		}
	}
}
