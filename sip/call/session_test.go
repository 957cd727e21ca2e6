package call

import (
	"testing"

	"mask700/sip/token"
)

// TestSessionsOfACallDiffer: what is drawn once more is passed over, wherever in the call it is.
func TestSessionsOfACallDiffer(t *testing.T) {
	mint := func() *token.Mint { return token.NewMint([32]byte{7}, token.NewRouter(token.Secret{7}, 1), 0) }
	draws := mint()
	first, second := draws.Session(), draws.Session()
	leg, third := Call{}, Call{Transfers: make([]Transfer, 1)}
	leg.Legs[Callee].SDP.SessionID, third.Transfers[0].Leg.SDP.SessionID = first, first
	for name, c := range map[string]struct {
		call Call
		want uint64
	}{
		"nothing is there": {Call{}, first}, "drawn before": {Call{SessionIDs: [2]uint64{0, first}}, second}, "a leg's": {leg, second}, "of who comes": {third, second},
	} {
		if got := c.call.session(&Env{Mint: mint()}); got != c.want {
			t.Errorf("%s: %d is drawn, want %d", name, got, c.want)
		}
	}
}
