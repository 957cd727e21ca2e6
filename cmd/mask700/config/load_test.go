package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// contract is a file with every key, as operators know it.
const contract = `data_dir: ./mask700-data
keys: {file: ./mask700.key}
sip:
  listen:
    - {name: inside, bind: "udp:0.0.0.0:5060", advertise: ""}
  ring_timeout: 60s
  drain_time: 30s
media:
  pools:
    - {name: inside, address: "", advertise: "", ports: 20000-39999}
numbering:
  country_code: "86"
  legacy_ranges: []            # - {prefix: "17000", length: 11, until: 2026-03-31}
trunks:
  - name: softswitch
    sources: ["192.0.2.10/32"]
    targets: ["sip:192.0.2.10:5060;transport=udp"]
    route_to: softswitch
    listen: inside
    media: inside
    caller: [pai, rpid, from]
    numbers: national
    prefix: ""
    user_phone: false
    domain: ""
    identity: none
    early_media: pass
admin:
  listen: "unix:"
`

func TestContractFileIsReadWhole(t *testing.T) {
	c, err := Parse("mask700.yaml", []byte(contract))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.validate(nil); err != nil {
		t.Fatal(err)
	}
	if len(c.SIP.Listen) != 1 || c.SIP.Listen[0].Name != "inside" || c.SIP.Listen[0].Bind.String() != "udp:0.0.0.0:5060" {
		t.Errorf("listeners: %+v", c.SIP.Listen)
	}
	if time.Duration(c.SIP.RingTimeout) != time.Minute || time.Duration(c.SIP.DrainTime) != 30*time.Second {
		t.Errorf("times: %v, %v", c.SIP.RingTimeout, c.SIP.DrainTime)
	}
	list := c.TrunkList()
	if len(list) != 1 {
		t.Fatalf("trunks: %+v", list)
	}
	got := list[0]
	if got.Name != "softswitch" || got.RouteTo != "softswitch" || got.Listen != "inside" || got.Media != "inside" ||
		len(got.Sources) != 1 || got.Sources[0] != netip.MustParsePrefix("192.0.2.10/32") || len(got.Caller) != 3 {
		t.Errorf("trunk: %+v", got)
	}
	if len(got.Targets) != 1 || got.Targets[0].Addr != netip.MustParseAddrPort("192.0.2.10:5060") {
		t.Errorf("target: %+v", got.Targets)
	}
	if c.AdminSocket() != filepath.Join("mask700-data", "admin.sock") {
		t.Errorf("socket: %s", c.AdminSocket())
	}
}

// TestWatchByDefault is where there is a choice.
func TestWatchByDefault(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`targets: ["sip:192.0.2.1"]`:                               0,
		`targets: ["sip:192.0.2.1", "sip:192.0.2.2"]`:              30 * time.Second,
		`targets: ["sip:switch.example.com"]`:                      30 * time.Second,
		`targets: ["sip:switch.example.com:5060"]`:                 30 * time.Second,
		`sources: [192.0.2.0/24], route_to: b`:                     0,
		`targets: ["sip:192.0.2.1"], watch: auto`:                  0,
		`targets: ["sip:192.0.2.1"], watch: 5s`:                    5 * time.Second,
		`targets: ["sip:192.0.2.1"], watch: 10m`:                   10 * time.Minute,
		`targets: ["sip:192.0.2.1", "sip:192.0.2.2"], watch: 0`:    0,
		`targets: ["sip:192.0.2.1", "sip:192.0.2.2"], watch: "0s"`: 0,
	} {
		c, err := Parse("f.yaml", []byte("trunks: [{name: a, "+text+"}, {name: b, targets: [\"sip:192.0.2.9\"]}]\n"))
		if err == nil {
			err = c.validate(nil)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := c.TrunkList()[0].Watch; got != want {
			t.Errorf("%s: watched every %s, want %s", text, got, want)
		}
	}
}

// TestNamesStayNames: what a name stands for has ports of its own, so that none
// is written for it, neither here nor where it is shown.
func TestNamesStayNames(t *testing.T) {
	c, err := Parse("f.yaml", []byte("sip: {listen: \"tcp:0.0.0.0:5060\", dns: [192.0.2.53]}\ntrunks: [{name: a, targets: [\"sip:switch.example.com\"]}]\n"))
	if err == nil {
		err = c.validate(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := c.TrunkList()[0].Targets[0]; got.Port != 0 || !got.Any || got.Addr.IsValid() {
		t.Errorf("%+v", got)
	}
	if got := c.SIP.DNS; len(got) != 1 || got[0].String() != "192.0.2.53:53" {
		t.Errorf("name servers %v", got)
	}
	shown, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"- sip:switch.example.com\n", "watch: auto\n", "- 192.0.2.53:53\n"} {
		if !strings.Contains(string(shown), line) {
			t.Errorf("no %q in\n%s", line, shown)
		}
	}
	again, err := Parse("shown.yaml", shown)
	if err != nil || !reflect.DeepEqual(again.TrunkList(), c.TrunkList()) || !reflect.DeepEqual(again.SIP, c.SIP) {
		t.Errorf("read back: %+v, %v", again.TrunkList(), err)
	}
}

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing yet\n", "---\n"} {
		c, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		c.file, c.lines = "", nil
		if !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q is not the default: %+v", text, c)
		}
	}
}

func TestKeysLeftOutKeepTheirDefault(t *testing.T) {
	c, err := Parse("f.yaml", []byte("sip: {ring_timeout: 20s}\ntrunks: [{name: a, targets: [\"sip:192.0.2.1\"]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.SIP.Listen) != 2 || time.Duration(c.SIP.DrainTime) != 30*time.Second || len(c.Trunks[0].Caller) != 3 || c.Trunks[0].Identity != "none" {
		t.Errorf("%+v", c)
	}
}

func TestShortForms(t *testing.T) {
	for _, text := range []string{
		"sip: {listen: \"tcp:[::1]:5070\"}\nmedia: {address: 192.0.2.1, ports: 30000-30003}\n",
		"sip: {listen: [\"tcp:[::1]:5070\"]}\nmedia: {pools: [{address: 192.0.2.1, ports: 30000-30003}]}\n",
		"sip: {listen: [{bind: \"tcp:[::1]:5070\"}]}\nmedia: {pools: [{name: default, address: 192.0.2.1, ports: 30000-30003}]}\n",
	} {
		c, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := Listener{Name: DefaultName, Bind: Bind{Network: TCP, Addr: netip.MustParseAddrPort("[::1]:5070")}}
		if len(c.SIP.Listen) != 1 || c.SIP.Listen[0] != want {
			t.Errorf("%s: %+v", text, c.SIP.Listen)
		}
		pool := Pool{Name: DefaultName, Address: Address{netip.MustParseAddr("192.0.2.1")}, Ports: PortRange{30000, 30003}, DSCP: 46}
		if len(c.Media.Pools) != 1 || c.Media.Pools[0] != pool {
			t.Errorf("%s: %+v", text, c.Media.Pools)
		}
	}
}

func TestDigitsAreKeptAsWritten(t *testing.T) {
	c, err := Parse("f.yaml", []byte("trunks: [{name: a, prefix: 010, targets: [\"sip:192.0.2.1\"]}]\n"))
	if err != nil || c.Trunks[0].Prefix != "010" {
		t.Errorf("%+v, %v", c.Trunks, err)
	}
}

func TestShowIsReadBackToTheSame(t *testing.T) {
	text := strings.Replace(contract, "legacy_ranges: []", `legacy_ranges: [{prefix: "17000", length: 11, until: 2026-03-31}]`, 1)
	for _, text := range []string{"", text} {
		first, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		shown, err := first.Show()
		if err != nil {
			t.Fatal(err)
		}
		second, err := Parse("shown.yaml", shown)
		if err != nil {
			t.Fatalf("%v in\n%s", err, shown)
		}
		first.file, first.lines, second.file, second.lines = "", nil, "", nil
		if !reflect.DeepEqual(first, second) {
			t.Errorf("shown:\n%s\nread back: %+v\nwas: %+v", shown, second, first)
		}
	}
}

func TestLegacyRangeEndsWithItsLastDay(t *testing.T) {
	c, err := Parse("f.yaml", []byte("numbering: {legacy_ranges: [{prefix: 17000, length: 11, until: 2026-03-31}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	until := c.Plan().Legacy[0].Until
	if y, m, d := until.Date(); y != 2026 || m != time.March || d != 31 || !until.Add(time.Nanosecond).Equal(time.Date(2026, 4, 1, 0, 0, 0, 0, time.Local)) {
		t.Errorf("until %v", until)
	}
}

func TestLoadSaysWhatIsWrongWithTheFile(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "there is no such file",
		dir:                             "cannot be read",
		large:                           "larger than 1 MiB",
	} {
		if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestReloadReadsTheFileAgainUnderTheSameFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "m.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sip: {ring_timeout: 20s, drain_time: 1s}\n")
	c, err := Open(file, Overrides{LogLevel: Setting{"--log-level", "debug"}})
	if err != nil {
		t.Fatal(err)
	}
	write("sip: {ring_timeout: 40s}\nlog: {level: warn}\n")
	again, err := c.Reload()
	if err != nil {
		t.Fatal(err)
	}
	if again.SIP.RingTimeout.String() != "40s" || again.SIP.DrainTime.String() != "30s" || again.Log.Level != "debug" {
		t.Errorf("%+v", again)
	}
}
