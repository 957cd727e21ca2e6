package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
)

// TestAReasonNamesNobody: no form in which we write a number is taken as a part of a reason, nor stands in the audit log as that or as the
// order or consent of a search, whatever its country: the log outlives the bindings, and is read by those who may see no number. Nor are
// the digits alone of those who are named, or shown.
func TestAReasonNamesNobody(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"86", "65"} {
		plan := binding.Plan{CountryCode: code}
		for i, party := range []string{"+8613800000077", "+861059658005", "+85291234567", "+12125550001", "+493012345678", "+6591234567"} {
			b := newBench(t)
			b.handler.(*api).Bindings.Plan = plan
			n, err := plan.ParseNumber(party)
			if err != nil {
				t.Fatal(err)
			}
			b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
			var v binding.View
			b.want(201, "POST", "/v1/bindings", `{"mode":"axb","a":"`+party+`","b":"+8613700000009","x":"`+x+`","order":"o-1"}`, &v)
			b.records.Close(cdr.Record{ID: "over", Binding: v.ID, CallerIn: cdr.Party{Number: n}, ReceivedAt: b.now, ReleasedAt: b.now}, func(uint64, error) {})
			b.records.Wait()
			b.node.call.Record.CallerIn.Number = n
			forms := []string{plan.Format(n, binding.National), plan.Format(n, binding.Plus), plan.Format(n, binding.International)}
			if code == "86" && i < 2 {
				forms = append(forms, "case 99"+plan.Format(n, binding.National)+"01") // in more digits
			}
			bare := n.Digits()
			for _, form := range forms {
				for _, reason := range []string{form, "callback " + form, "case 17/" + form + ", as agreed"} {
					b.revealed(reason)
					b.want(400, "GET", "/v1/bindings", "", nil)
					b.want(400, "GET", "/v1/cdrs", "", nil)
					b.want(400, "POST", "/v1/history", `{"x":"`+x+`"}`, nil)
					b.header = nil
					b.want(400, "POST", "/v1/tenants/default/suspend", `{"reason":"`+reason+`"}`, nil)
				}
				// As an order and a consent it is taken, and masked.
				for _, field := range []string{"order", "consent"} {
					b.revealed("case 17")
					body, _ := json.Marshal(map[string]string{field: "ring " + form})
					b.want(200, "POST", "/v1/bindings/query", string(body), nil)
					b.want(200, "POST", "/v1/history", string(body), nil)
				}
			}
			for _, reason := range []string{bare, "case 17/" + bare, "of " + bare[:len(bare)-4] + " then " + bare[len(bare)-4:]} {
				b.revealed(reason)
				for ask, body := range map[string]string{
					"GET /v1/bindings/" + v.ID: "", "GET /v1/bindings": "", "GET /v1/cdrs/over": "", "GET /v1/calls/over": "", "GET /v1/calls/call": "", "GET /v1/calls": "", "GET /v1/explain?dialled=" + x: "",
					"POST /v1/explain": `{"dialled":"` + x + `","caller":"` + party + `"}`, "POST /v1/history/number": `{"number":"` + party + `"}`,
				} {
					method, path, _ := strings.Cut(ask, " ")
					b.want(400, method, path, body, nil)
				}
				b.header = http.Header{HeaderReason: {reason}}
				b.want(400, "POST", "/v1/bindings/query", `{"number":"`+party+`"}`, nil)
				b.want(400, "POST", "/v1/explain", `{"dialled":"`+x+`","caller":"`+party+`"}`, nil)
				b.header = nil
				if out := b.want(400, "POST", "/v1/erase", `{"number":"`+party+`","reason":"`+reason+`"}`, nil); !strings.Contains(out, "name the case") {
					t.Errorf("%s", out)
				}
			}
			b.header = nil
			if log := b.want(200, "GET", "/v1/audit", "", nil); strings.Contains(log, bare[len(bare)-7:]) || !strings.Contains(log, "case 17") {
				t.Errorf("%s, %s: the audit log has %s", code, n, log)
			}
		}
	}
}

// TestAReasonMayHaveFigures that are no number's.
func TestAReasonMayHaveFigures(t *testing.T) {
	t.Parallel()
	b, v, _ := filled(t)
	for _, reason := range []string{"complaint 17", "ticket 20261126163700", "case 0017", "2026-11-26 16:37", "order 1234567890123456", "№ 8-800, 4711"} {
		b.revealed(reason)
		b.want(200, "GET", "/v1/bindings/"+v.ID, "", nil)
	}
}
