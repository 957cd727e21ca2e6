package consult

import (
	"context"
	"fmt"
	"io"
	"time"

	"mask700/binding"
	"mask700/binding/verify"
)

// Verifier asks a verification platform.
type Verifier struct {
	*Client
	Plain bool // it is told the real numbers; else the 700 numbers and the order alone
}

var _ verify.Asker = Verifier{}

// verificationQuestion is the JSON of a question. Numbers are in E.164 without a plus.
type verificationQuestion struct {
	Kind         string    `json:"kind"` // call or text
	ID           string    `json:"id"`   // of the record
	Binding      string    `json:"binding"`
	Order        string    `json:"order"`
	Tenant       string    `json:"tenant"`
	IndustrialID string    `json:"industrial_id"`
	Consent      string    `json:"consent"`
	Dialled      binding.X `json:"dialled"`
	Shown        binding.X `json:"shown"`
	Caller       string    `json:"caller,omitempty"`
	Callee       string    `json:"callee,omitempty"`
	At           time.Time `json:"at"`
}

// Format implements [fmt.Formatter]: whatever the verb, no number.
func (verificationQuestion) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "question to a verification platform")
}

// verificationAnswer is the JSON of an answer. Allow has to be there: an empty object is no answer.
type verificationAnswer struct {
	Allow  *bool            `json:"allow"`
	Ticket string           `json:"ticket"`
	For    binding.Duration `json:"for"`
}

// Ask implements [verify.Asker].
func (v Verifier) Ask(ctx context.Context, q *verify.Question) (verify.Answer, error) {
	b := q.Binding
	question := verificationQuestion{
		Kind: q.Kind.String(), ID: q.Record, Binding: b.ID, Order: b.Order, Tenant: b.Tenant, IndustrialID: b.IndustrialID,
		Consent: b.Consent, Dialled: q.Dialled, Shown: q.Shown, At: q.At,
	}
	if v.Plain {
		question.Caller, question.Callee = q.Caller.Digits(), q.Callee.Digits()
	}
	var a verificationAnswer
	if err := v.ask(ctx, question, &a); err != nil {
		return verify.Answer{}, err
	}
	if a.Allow == nil {
		return verify.Answer{}, unreadable
	}
	return verify.Answer{Allow: *a.Allow, Ticket: a.Ticket, For: time.Duration(a.For)}, nil
}
