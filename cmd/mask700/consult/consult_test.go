package consult

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mask700/binding"
	"mask700/binding/remote"
	"mask700/binding/rule"
	"mask700/binding/verify"
	"mask700/cmd/mask700/consult/consulttest"
	"mask700/sip/digest"
)

func number(t testing.TB, text string) binding.Number {
	t.Helper()
	n, err := binding.Plan{}.ParseNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func endpoint(p *consulttest.Platform) Endpoint {
	return Endpoint{Name: "platform", URL: p.URL, Budget: 10 * time.Second, InFlight: 4, Failures: 3, Pause: time.Hour}
}

func question(t testing.TB) *verify.Question {
	return &verify.Question{
		Kind: rule.Text, Record: "record", Binding: &binding.Binding{ID: "pair", Order: "T-1", Tenant: "rides"},
		Dialled: 700100000010007, Shown: 700100000010008, Caller: number(t, "13800000001"), Callee: number(t, "13900000002"), At: time.Unix(1e9, 0).UTC(),
	}
}

func TestVerification(t *testing.T) {
	p := consulttest.New(t)
	p.Secret = "a secret between the two"
	e := endpoint(p)
	e.Secret = digest.NewSecret(p.Secret)
	c := New(e)
	defer c.Close()

	p.Answer(200, `{"allow":true,"ticket":"t-1","for":"30s","more":[1]}`)
	got, err := Verifier{Client: c}.Ask(t.Context(), question(t))
	if err != nil || got != (verify.Answer{Allow: true, Ticket: "t-1", For: 30 * time.Second}) {
		t.Errorf("%+v, %v", got, err)
	}
	want := consulttest.Question{
		Kind: "text", ID: "record", Binding: "pair", Order: "T-1", Tenant: "rides", Dialled: "700100000010007", Shown: "700100000010008",
		At: "2001-09-09T01:46:40Z", Signed: true,
	}
	if q := p.Asked()[0]; q != want {
		t.Errorf("asked %+v, want %+v", q, want)
	}
	p.Answer(200, `{"allow":false}`)
	if got, err = (Verifier{Client: c, Plain: true}).Ask(t.Context(), question(t)); err != nil || got.Allow {
		t.Errorf("%+v, %v", got, err)
	}
	if q := p.Asked()[1]; q.Caller != "8613800000001" || q.Callee != "8613900000002" {
		t.Error("the numbers are not told where they should be")
	}
}

func TestDecision(t *testing.T) {
	p := consulttest.New(t)
	c := New(endpoint(p))
	defer c.Close()
	d := Decider{Client: c}
	q := &remote.Question{Kind: rule.Call, Record: "record", Dialled: 700100000010007, Extension: "12", Caller: number(t, "13800000001"), At: time.Unix(1e9, 0).UTC(), Probe: true}
	for body, want := range map[string]struct {
		answer remote.Answer
		err    error
	}{
		`{"action":"connect","callee":"139-0000-0002","shown":"700100000010008","binding":"b","order":"o","consent":"c","industrial_id":"i","data":"d","max_duration":"10m","record":true}`: {
			answer: remote.Answer{Connect: true, Callee: number(t, "13900000002"), Shown: 700100000010008, Binding: "b", Order: "o", Consent: "c", IndustrialID: "i", Data: "d", MaxDuration: 10 * time.Minute, Record: true}},
		`{"action":"refuse"}`:                 {},
		`{"action":"ivr"}`:                    {err: unreadable},
		`{}`:                                  {err: unreadable},
		`{"action":"connect"}`:                {err: unreadable},
		`{"action":"connect","callee":"110"}`: {err: unreadable},
		`{"action":"connect","callee":"13900000002","shown":"7001"}`:         {err: unreadable},
		`{"action":"connect","callee":"13900000002","max_duration":"often"}`: {err: unreadable},
	} {
		p.Answer(200, body)
		got, err := Decider{Client: New(endpoint(p))}.Ask(t.Context(), q)
		if got != want.answer || !errors.Is(err, want.err) {
			t.Errorf("%s: %v", body, err)
		}
	}
	p.Answer(200, `{"action":"refuse"}`)
	if _, err := d.Ask(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	asked := p.Asked()
	want := consulttest.Question{Kind: "call", ID: "record", Dialled: "700100000010007", Extension: "12", Caller: "8613800000001", At: "2001-09-09T01:46:40Z", Probe: true}
	if q := asked[len(asked)-1]; q != want {
		t.Errorf("asked %+v, want %+v", q, want)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	p := consulttest.New(t)
	for name, c := range map[string]struct {
		status int
		body   string
		want   verify.Failure
	}{
		"a status":        {503, `{"allow":true}`, refused},
		"a redirection":   {302, `{"allow":true}`, refused},
		"no content":      {204, "", refused},
		"no JSON":         {200, "allow", unreadable},
		"an empty object": {200, "{}", unreadable},
		"a long answer":   {200, `{"allow":true,"ticket":"` + strings.Repeat("x", maxAnswer) + `"}`, unreadable},
		"a cut answer":    {200, `{"allow":true`, unreadable},
	} {
		p.Answer(c.status, c.body)
		client := New(endpoint(p))
		if _, err := (Verifier{Client: client}).Ask(t.Context(), question(t)); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		client.Close()
	}
	gone := endpoint(p)
	gone.URL = "http://127.0.0.1:1/"
	if _, err := (Verifier{Client: New(gone)}).Ask(t.Context(), question(t)); err != unreachable {
		t.Errorf("nobody there: %v", err)
	}
}

// A network whose answers a test gives out, in virtual time.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func says(body string) *http.Response {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body))}
}

func never(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestBudgetAndBreaker: a question costs its budget and no more; after a run of failures none is asked until the pause is
// over, and then one tries for all.
func TestBudgetAndBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := network(never)
		c := New(Endpoint{
			Name: "platform", URL: "http://127.0.0.1:1/", Budget: 500 * time.Millisecond, InFlight: 4, Failures: 3, Pause: 10 * time.Second,
			transport: network(func(r *http.Request) (*http.Response, error) { return answer(r) }),
		})
		ask := func(want error, took time.Duration) {
			t.Helper()
			began := time.Now()
			_, err := Verifier{Client: c}.Ask(t.Context(), question(t))
			if !errors.Is(err, want) || time.Since(began) != took {
				t.Errorf("%v after %v, want %v after %v", err, time.Since(began), want, took)
			}
		}
		const budget = 500 * time.Millisecond
		for range 2 {
			ask(timedOut, budget)
		}
		answer = func(*http.Request) (*http.Response, error) { return says(`{"allow":true}`), nil }
		ask(nil, 0) // a run is broken by an answer
		answer = never
		for range 3 {
			ask(timedOut, budget)
		}
		ask(paused, 0)
		if s := c.Stats(); s != (Stats{Asked: 6, Failed: 5, NotAsked: 1, Paused: true}) {
			t.Errorf("%+v", s)
		}
		time.Sleep(10*time.Second + 1)
		go func() { // the one that tries
			_, err := Verifier{Client: c}.Ask(context.Background(), question(t))
			if !errors.Is(err, timedOut) {
				t.Errorf("the one that tries: %v", err)
			}
		}()
		synctest.Wait()
		ask(paused, 0) // another does not
		synctest.Wait()
		time.Sleep(budget)
		ask(paused, 0)
		time.Sleep(10*time.Second + 1)
		answer = func(*http.Request) (*http.Response, error) { return says(`{"allow":true}`), nil }
		ask(nil, 0)
		ask(nil, 0)
		if c.Stats().Paused {
			t.Error("it is still not asked")
		}
	})
}

// TestNoMoreThanSoManyAtOnce: who comes when all questions are in flight is told so at once.
func TestNoMoreThanSoManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Endpoint{
			Name: "platform", URL: "http://127.0.0.1:1/", Budget: time.Second, InFlight: 2, Failures: 100, Pause: time.Second, transport: network(never),
		})
		ended := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := Verifier{Client: c}.Ask(context.Background(), question(t))
				ended <- err
			}()
		}
		synctest.Wait()
		if _, err := (Verifier{Client: c}).Ask(t.Context(), question(t)); err != busy {
			t.Errorf("the third: %v", err)
		}
		for range 2 {
			if err := <-ended; err != timedOut {
				t.Errorf("one that was asked: %v", err)
			}
		}
		if _, err := (Verifier{Client: c}).Ask(t.Context(), question(t)); err != timedOut {
			t.Errorf("once there is room: %v", err)
		}
	})
}

// TestWhoStopsSaysNothingOfThePlatform: questions that we break off ourselves do not open the breaker, nor do those for which less than
// the budget was left.
func TestWhoStopsSaysNothingOfThePlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Endpoint{Name: "platform", URL: "http://127.0.0.1:1/", Budget: time.Hour, InFlight: 9, Failures: 1, Pause: time.Hour, transport: network(never)})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if _, err := (Verifier{Client: c}).Ask(ctx, question(t)); err == nil {
				t.Error("an answer that nobody gave")
			}
		}()
		synctest.Wait()
		cancel()
		<-ended
		if c.Stats().Paused {
			t.Error("the platform is not asked any more")
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := (Verifier{Client: c}).Ask(ctx, question(t)); !errors.Is(err, timedOut) {
			t.Errorf("when a minute of the budget was left: %v", err)
		}
		if s := c.Stats(); s.Paused || s.Asked != 2 || s.Failed != 2 {
			t.Errorf("%+v", s)
		}
	})
}
