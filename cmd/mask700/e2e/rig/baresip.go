package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Baresip is a baresip without a sound device on a machine of its own: it says what is in a sound file, and records
// what it hears in another.
type Baresip struct {
	Name      string // of its files
	User      string // the name of whom it belongs to
	Dir       string // where that is
	Machine   *Namespace
	Addr      netip.AddrPort
	Number    string
	Registrar netip.AddrPort
	Says      string // WAV file of 16 bit PCM, 8000 samples a second
	Encrypts  bool   // it offers and takes nothing but SRTP, with keys in descriptions

	process *Process
	control net.Conn

	mutex  sync.Mutex // protects what follows
	events []Event
	gone   error // why no more events come
}

// controlPort is on the loopback of the phone's machine.
const controlPort = 4444

// baresipConfig has what this baresip does and nothing else: G.711, the sound file, the recorder, and the control port.
// The recorder is a filter of the decoder, so that no player is needed.
const baresipConfig = `poll_method epoll
sip_listen %[1]s
net_interface %[2]s
call_local_timeout 60
call_max_calls 1
audio_buffer 20
audio_source aufile,%[3]s
audio_player none,none
audio_alert none,none
ausrc_srate 8000
auplay_srate 8000
jitter_buffer_delay 1-4
module_path %[4]s
module g711.so
module sndfile.so
module aufile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%[5]d
snd_path %[6]s
statmode_default off
ringback_disabled yes
`

func (b *Baresip) dir() string { return filepath.Join(b.Dir, b.Name) }

// Start starts it and waits until it has registered.
func (b *Baresip) Start(ctx context.Context) error {
	modules, err := modulesIn("/usr")
	if err != nil {
		return err
	}
	account := fmt.Sprintf("\"%s\" <sip:%s@%s>;regint=600;answermode=manual;audio_codecs=pcma\n", b.User, b.Number, b.Registrar)
	if b.Encrypts {
		account = strings.TrimSuffix(account, "\n") + ";mediaenc=srtp-mand\n"
	}
	if err := errors.Join(
		os.Mkdir(b.dir(), 0o700),
		os.WriteFile(filepath.Join(b.dir(), "config"),
			fmt.Appendf(nil, baresipConfig, b.Addr, b.Addr.Addr(), b.Says, modules, controlPort, b.dir()), 0o600),
		os.WriteFile(filepath.Join(b.dir(), "accounts"), []byte(account), 0o600),
		os.WriteFile(filepath.Join(b.dir(), "contacts"), nil, 0o600),
	); err != nil {
		return err
	}
	err = b.Machine.Do(func() error {
		if b.process, err = Start("baresip "+b.Name, exec.Command("baresip", "-f", b.dir()), "baresip is ready."); err != nil {
			return err
		}
		if err := b.process.Ready(ctx); err != nil {
			return err
		}
		var d net.Dialer
		b.control, err = d.DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(controlPort))
		return err
	})
	if err != nil {
		return err
	}
	go b.listen()
	return Poll(ctx, "baresip "+b.Name+" to register", func() (bool, error) {
		// What happened before the control port was connected is in the output alone.
		_, seen := b.find(func(e Event) bool { return e.Type == "REGISTER_OK" })
		return seen || strings.Contains(b.process.Output(), "200 OK"), b.ended()
	})
}

// modulesIn is the folder of baresip's modules under /usr: not on all machines the same.
func modulesIn(usr string) (string, error) {
	for _, pattern := range []string{"lib*/baresip/modules", "lib/*/baresip/modules"} {
		found, err := filepath.Glob(filepath.Join(usr, pattern))
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	return "", errors.New("baresip's modules are not found under " + usr)
}

// Heard are the records of what it heard, one for each call, in order.
func (b *Baresip) Heard() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(b.dir(), "dump-*-dec.wav"))
	slices.Sort(files)
	return files, err
}

// RecordsOn is false: the 1.0.0 that Debian has takes its recorder out of the decoder when a call is held, by whomever.
func (b *Baresip) RecordsOn() bool { return false }

// Output is all that it printed.
func (b *Baresip) Output() string {
	if b.process == nil {
		return ""
	}
	return b.process.Output()
}

// Kill ends it.
func (b *Baresip) Kill() {
	if b.control != nil {
		b.control.Close()
	}
	if b.process != nil {
		b.process.Kill()
	}
}
