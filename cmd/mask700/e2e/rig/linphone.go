package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Linphone is linphone's command line client without a sound device, on a machine of its own: it says what is in a
// sound file, and records what it hears in another. It is spoken to in its own commands, and what it prints is read.
type Linphone struct {
	Name      string // of its files
	User      string // the name of whom it belongs to
	Dir       string
	Machine   *Namespace
	Addr      netip.AddrPort
	Number    string
	Registrar netip.AddrPort
	Device    string // UUID of the device, which it registers
	Says      string // WAV file of 16 bit PCM, 8000 samples a second

	process *Process
	input   io.WriteCloser
	seen    int // how much of what it printed is of no further interest
}

// linphoneConfig is what differs from its defaults: UDP alone, and G.711 alone. It writes the rest into the file.
const linphoneConfig = `[sip]
sip_port=%[1]d
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
default_proxy=0
register_only_when_network_is_up=0
contact="%[2]s" <sip:%[3]s@%[4]s>
[misc]
uuid=%[5]s
add_missing_audio_codecs=0
add_missing_video_codecs=0
[proxy_0]
reg_proxy=<sip:%[6]s;transport=udp>
reg_identity="%[2]s" <sip:%[3]s@%[6]s>
reg_sendregister=1
[audio_codec_0]
mime=PCMA
rate=8000
channels=1
enabled=1
`

// What it prints.
const (
	linphonePrompt  = "linphonec>"
	linphoneRings   = "Receiving new incoming call from "
	linphoneRinging = " ringing."
	linphoneTalks   = "Media streams established"
	linphonePaused  = " is now paused."
	linphoneEnded   = " ended ("
	linphoneDigit   = "Receiving tone "
)

func (l *Linphone) dir() string { return filepath.Join(l.Dir, l.Name) }

func (l *Linphone) log() string { return filepath.Join(l.Dir, l.Name+".debug.log") }

func (l *Linphone) record() string { return filepath.Join(l.dir(), "heard.wav") }

// Start starts it and waits until it has registered.
func (l *Linphone) Start(ctx context.Context) error {
	// Where it keeps its database; it does not make the directory, and does not begin without.
	data := filepath.Join(l.dir(), ".local", "share")
	if err := os.MkdirAll(filepath.Join(data, "linphone"), 0o700); err != nil {
		return err
	}
	rc := filepath.Join(l.dir(), "linphonerc")
	text := fmt.Appendf(nil, linphoneConfig, l.Addr.Port(), l.User, l.Number, l.Addr.Addr(), l.Device, l.Registrar)
	if err := os.WriteFile(rc, text, 0o600); err != nil {
		return err
	}
	cmd := exec.Command("linphonec", "-c", rc, "-d", "6", "-l", l.log())
	cmd.Dir = l.dir()
	cmd.Env = append(os.Environ(), "HOME="+l.dir(), "XDG_DATA_HOME="+data, "XDG_CONFIG_HOME="+l.dir(), "TERM=dumb")
	var err error
	if l.input, err = cmd.StdinPipe(); err != nil {
		return err
	}
	err = l.Machine.Do(func() error {
		l.process, err = Start("linphonec "+l.Name, cmd, linphonePrompt)
		return err
	})
	if err != nil {
		return err
	}
	if err := l.process.Ready(ctx); err != nil {
		return err
	}
	// What the last command prints shows that the others are done.
	if err := l.do("soundcard use files", "play "+l.Says, "record "+l.record(), "codec list"); err != nil {
		return err
	}
	if err := l.await(ctx, "PCMA (8000) enabled"); err != nil {
		return err
	}
	// It does not print that it has registered, and says so in its log alone.
	return Poll(ctx, "linphonec "+l.Name+" to register", func() (bool, error) {
		if l.process.Ended() {
			return false, errors.New("linphonec " + l.Name + " is gone\n" + l.Output())
		}
		log, err := os.ReadFile(l.log())
		return bytes.Contains(log, []byte("LinphoneRegistrationOk")), err
	})
}

// do gives commands.
func (l *Linphone) do(commands ...string) error {
	_, err := io.WriteString(l.input, strings.Join(commands, "\n")+"\n")
	return err
}

// await waits for words among what is printed from now on, or was since the last call or offer was made.
func (l *Linphone) await(ctx context.Context, words string) error {
	return Poll(ctx, "linphonec "+l.Name+" to print "+words, func() (bool, error) {
		if strings.Contains(l.Output()[l.seen:], words) {
			return true, nil
		}
		if l.process.Ended() {
			return false, errors.New("linphonec " + l.Name + " is gone\n" + l.Output())
		}
		return false, nil
	})
}

// mark makes what has happened so far of no further interest.
func (l *Linphone) mark() { l.seen = len(l.Output()) }

// Dial calls a number.
func (l *Linphone) Dial(_ context.Context, number string) error {
	l.mark()
	return l.do("call " + number)
}

// Rings waits for a call and returns what is shown of the caller.
func (l *Linphone) Rings(ctx context.Context) (string, error) {
	if err := l.await(ctx, linphoneRings); err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(l.Output(), linphoneRings)
	shown, _, _ := strings.Cut(after, ", assigned id")
	return shown, nil
}

// HearsRinging waits until the other's phone rings.
func (l *Linphone) HearsRinging(ctx context.Context) error { return l.await(ctx, linphoneRinging) }

// Answer takes the call that rings.
func (l *Linphone) Answer(context.Context) error { return l.do("answer") }

// Talks waits until the call is answered.
func (l *Linphone) Talks(ctx context.Context) error { return l.await(ctx, linphoneTalks) }

// Hold holds the call, and waits until the other side has agreed.
func (l *Linphone) Hold(ctx context.Context) error {
	l.mark()
	if err := l.do("pause"); err != nil {
		return err
	}
	return l.await(ctx, linphonePaused)
}

// Resume goes on with a call that is held.
func (l *Linphone) Resume(ctx context.Context) error {
	l.mark()
	if err := l.do("resume"); err != nil {
		return err
	}
	return l.await(ctx, linphoneTalks)
}

// Press sends a digit, as an event of RTP (RFC 4733).
func (l *Linphone) Press(_ context.Context, digit byte) error { return l.do(string(digit)) }

// HearsDigit waits for a digit of the other's.
func (l *Linphone) HearsDigit(ctx context.Context, digit byte) error {
	return l.await(ctx, linphoneDigit+string(digit))
}

// HangUp ends the call, and refuses one that rings.
func (l *Linphone) HangUp(context.Context) error { return l.do("terminate") }

// Closed waits until the call is over, and returns why it says it is.
func (l *Linphone) Closed(ctx context.Context) (string, error) {
	if err := l.await(ctx, linphoneEnded); err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(l.Output()[l.seen:], linphoneEnded)
	why, _, _ := strings.Cut(after, ")")
	return why, nil
}

// Heard is the record of what it heard.
func (l *Linphone) Heard() ([]string, error) {
	if _, err := os.Stat(l.record()); err != nil {
		return nil, nil
	}
	return []string{l.record()}, nil
}

// RecordsOn is true: the record goes on after a hold.
func (l *Linphone) RecordsOn() bool { return true }

// Output is all that it printed.
func (l *Linphone) Output() string {
	if l.process == nil {
		return ""
	}
	return l.process.Output()
}

// Kill ends it.
func (l *Linphone) Kill() {
	if l.process != nil {
		l.process.Kill()
	}
}
