package consult

import (
	"context"
	"fmt"
	"io"
	"time"

	"mask700/binding"
	"mask700/binding/remote"
)

// Decider asks the endpoint of a tenant who is reached.
type Decider struct {
	*Client
	Plan binding.Plan // in which the callee is read
}

var _ remote.Asker = Decider{}

// decisionQuestion is the JSON of a question. The caller is in E.164 without a plus.
type decisionQuestion struct {
	Kind      string    `json:"kind"` // call or text
	ID        string    `json:"id"`   // of the record; empty for a probe
	Dialled   binding.X `json:"dialled"`
	Extension string    `json:"extension"`
	Caller    string    `json:"caller"`
	At        time.Time `json:"at"`
	Probe     bool      `json:"probe"` // an operator asks what would be
}

// Format implements [fmt.Formatter]: whatever the verb, no number.
func (decisionQuestion) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "question of a call") }

// Words of decisionAnswer.Action.
const (
	connect = "connect"
	refuse  = "refuse"
)

// decisionAnswer is the JSON of an answer.
type decisionAnswer struct {
	Action       string           `json:"action"`
	Callee       string           `json:"callee"`
	Shown        string           `json:"shown"`
	Binding      string           `json:"binding"`
	Order        string           `json:"order"`
	Consent      string           `json:"consent"`
	IndustrialID string           `json:"industrial_id"`
	Data         string           `json:"data"`
	MaxDuration  binding.Duration `json:"max_duration"`
	Record       bool             `json:"record"`
}

// Format implements [fmt.Formatter]: whatever the verb, no number.
func (decisionAnswer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "answer of an endpoint") }

// Ask implements [remote.Asker].
func (d Decider) Ask(ctx context.Context, q *remote.Question) (remote.Answer, error) {
	question := decisionQuestion{
		Kind: q.Kind.String(), ID: q.Record, Dialled: q.Dialled, Extension: q.Extension, Caller: q.Caller.Digits(), At: q.At, Probe: q.Probe,
	}
	var a decisionAnswer
	if err := d.ask(ctx, question, &a); err != nil {
		return remote.Answer{}, err
	}
	answer := remote.Answer{
		Connect: a.Action == connect, Binding: a.Binding, Order: a.Order, Consent: a.Consent, IndustrialID: a.IndustrialID,
		Data: a.Data, MaxDuration: time.Duration(a.MaxDuration), Record: a.Record,
	}
	if !answer.Connect {
		if a.Action != refuse {
			return remote.Answer{}, unreadable
		}
		return answer, nil
	}
	var err error
	if answer.Callee, err = d.Plan.ParseNumber(a.Callee); err != nil {
		return remote.Answer{}, unreadable
	}
	if a.Shown != "" {
		if answer.Shown, err = d.Plan.ParseX(a.Shown); err != nil {
			return remote.Answer{}, unreadable
		}
	}
	return answer, nil
}
