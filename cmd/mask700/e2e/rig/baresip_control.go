package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Event is something that happened to baresip, or its response to a command.
type Event struct {
	Type  string `json:"type"`    // "CALL_INCOMING", … or empty: a response
	Peer  string `json:"peeruri"` // URI of the other party, as it is shown
	Param string `json:"param"`
	OK    bool   `json:"ok"` // of a response
	Data  string `json:"data"`
	Token string `json:"token"` // which command
}

// listen takes what comes over the control port, JSON in netstrings: "12:{…},".
func (b *Baresip) listen() {
	err := func() error {
		for r := bufio.NewReader(b.control); ; {
			size, err := r.ReadString(':')
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
			if err != nil || n < 0 || n > 1<<16 {
				return errors.New("its control port sends no netstrings")
			}
			text := make([]byte, n+1) // with the comma
			if _, err := io.ReadFull(r, text); err != nil {
				return err
			}
			var e Event
			if err := json.Unmarshal(text[:n], &e); err != nil {
				return err
			}
			b.mutex.Lock()
			b.events = append(b.events, e)
			b.mutex.Unlock()
		}
	}()
	b.mutex.Lock()
	b.gone = err
	b.mutex.Unlock()
}

// ended says why no more events come.
func (b *Baresip) ended() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.gone != nil {
		return fmt.Errorf("baresip %s is gone: %w\n%s", b.Name, b.gone, b.process.Output())
	}
	return nil
}

// mark makes what has happened so far of no further interest.
func (b *Baresip) mark() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.events = nil
}

func (b *Baresip) find(right func(Event) bool) (Event, bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if i := slices.IndexFunc(b.events, right); i >= 0 {
		return b.events[i], true
	}
	return Event{}, false
}

// Await waits for an event of a type; one that came since the last call or offer was made counts.
func (b *Baresip) Await(ctx context.Context, kind string) (Event, error) {
	var last Event
	err := b.await(ctx, "say "+kind, func(e Event) bool {
		last = e
		return e.Type == kind
	})
	return last, err
}

func (b *Baresip) await(ctx context.Context, what string, right func(Event) bool) error {
	return Poll(ctx, "baresip "+b.Name+" to "+what, func() (bool, error) {
		if _, found := b.find(right); found {
			return true, nil
		}
		return false, b.ended()
	})
}

// Do gives a command, such as "dial" with whom, and waits for the response.
func (b *Baresip) Do(ctx context.Context, command, param string) error {
	token := strconv.FormatInt(time.Now().UnixNano(), 36)
	text, err := json.Marshal(map[string]string{"command": command, "params": param, "token": token})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(b.control, "%d:%s,", len(text), text); err != nil {
		return err
	}
	return Poll(ctx, "baresip "+b.Name+" to "+command, func() (bool, error) {
		e, found := b.find(func(e Event) bool { return e.Token == token })
		if found && !e.OK {
			return false, fmt.Errorf("baresip %s could not %s: %s", b.Name, command, e.Data)
		}
		return found, b.ended()
	})
}

// Dial calls a number.
func (b *Baresip) Dial(ctx context.Context, number string) error {
	b.mark()
	return b.Do(ctx, "dial", number)
}

// Rings waits for a call and returns what is shown of the caller.
func (b *Baresip) Rings(ctx context.Context) (string, error) {
	e, err := b.Await(ctx, "CALL_INCOMING")
	return e.Peer, err
}

// HearsRinging waits until the other's phone rings.
func (b *Baresip) HearsRinging(ctx context.Context) error {
	_, err := b.Await(ctx, "CALL_RINGING")
	return err
}

// Answer takes the call that rings.
func (b *Baresip) Answer(ctx context.Context) error { return b.Do(ctx, "accept", "") }

// Talks waits until the call is answered.
func (b *Baresip) Talks(ctx context.Context) error {
	_, err := b.Await(ctx, "CALL_ESTABLISHED")
	return err
}

// Hold holds the call, and waits until the other side has agreed.
func (b *Baresip) Hold(ctx context.Context) error { return b.reoffer(ctx, "hold") }

// Resume goes on with a call that is held.
func (b *Baresip) Resume(ctx context.Context) error { return b.reoffer(ctx, "resume") }

func (b *Baresip) reoffer(ctx context.Context, command string) error {
	b.mark()
	if err := b.Do(ctx, command, ""); err != nil {
		return err
	}
	_, err := b.Await(ctx, "CALL_REMOTE_SDP")
	return err
}

// Press sends a digit, as an event of RTP (RFC 4733).
func (b *Baresip) Press(ctx context.Context, digit byte) error {
	return b.Do(ctx, "sndcode", string(digit))
}

// HearsDigit waits for a digit of the other's.
func (b *Baresip) HearsDigit(ctx context.Context, digit byte) error {
	return b.await(ctx, "hear a digit", func(e Event) bool { return e.Type == "CALL_DTMF_START" && e.Param == string(digit) })
}

// HangUp ends the call, and refuses one that rings.
func (b *Baresip) HangUp(ctx context.Context) error { return b.Do(ctx, "hangup", "") }

// Closed waits until the call is over, and returns why it says it is.
func (b *Baresip) Closed(ctx context.Context) (string, error) {
	e, err := b.Await(ctx, "CALL_CLOSED")
	return e.Param, err
}
