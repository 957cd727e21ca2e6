package cdr

import (
	"encoding/json"
	"time"

	"mask700/binding"
)

// View is a record as the operator's interface shows it in JSON, with every
// real number masked, unless the view was made for somebody who may see them
// (ViewWith). A client reads it back with encoding/json.
type View struct {
	ID           string          `json:"id"`
	Kind         string          `json:"kind"`             // "call" or "text"
	Origin       string          `json:"origin,omitempty"` // "dial": the platform asked for it; absent: the caller dialled
	Seq          uint64          `json:"seq"`
	Binding      string          `json:"binding"`
	Order        string          `json:"order"`
	Tenant       string          `json:"tenant"`
	IndustrialID string          `json:"industrial_id"`
	Data         string          `json:"data"`
	TrunkIn      string          `json:"trunk_in"`
	TrunkOut     string          `json:"trunk_out"`
	CallerIn     string          `json:"caller_in"`
	CalleeIn     string          `json:"callee_in"`
	CallerOut    string          `json:"caller_out"`
	CalleeOut    string          `json:"callee_out"`
	ReceivedAt   time.Time       `json:"received_at,omitzero"`
	RingingAt    time.Time       `json:"ringing_at,omitzero"`
	AnsweredAt   time.Time       `json:"answered_at,omitzero"`
	ReleasedAt   time.Time       `json:"released_at,omitzero"`
	ReleasedBy   string          `json:"released_by"`
	SIPStatus    int             `json:"sip_status"`
	Q850         int             `json:"q850"`
	End          string          `json:"end"`
	Refusal      binding.Refusal `json:"refusal"`
	Rule         string          `json:"rule,omitempty"`     // the rule that refused a party
	Shadow       string          `json:"shadow,omitempty"`   // rules that would have, and only report
	Evidence     string          `json:"evidence,omitempty"` // what an external check answered
	Why          string          `json:"why"`                // the same in words; empty while the call goes on
	Media        MediaView       `json:"media"`
	Text         TextView        `json:"text,omitzero"` // absent of a call
}

// MediaView is Media in JSON.
type MediaView struct {
	Codec  string   `json:"codec"`
	Path   string   `json:"path"`
	AtoB   FlowView `json:"a_to_b"`
	BtoA   FlowView `json:"b_to_a"`
	Caller LegView  `json:"caller"`
	Callee LegView  `json:"callee"`

	Video     VideoView     `json:"video,omitzero"`     // absent where there was none
	Recording RecordingView `json:"recording,omitzero"` // absent where there is none

	End string `json:"end"`
}

// VideoView is a Video in JSON.
type VideoView struct {
	Codec string        `json:"codec"`
	AtoB  VideoFlowView `json:"a_to_b"`
	BtoA  VideoFlowView `json:"b_to_a"`
}

// VideoFlowView is a VideoFlow in JSON.
type VideoFlowView struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
	Lost    uint64 `json:"lost"`
	Refused uint64 `json:"refused_sources"`
}

// Flow is the view as one of any stream.
func (v VideoFlowView) Flow() FlowView {
	return FlowView{Packets: v.Packets, Bytes: v.Bytes, Lost: v.Lost, Refused: v.Refused}
}

// RecordingView is a Recording in JSON.
type RecordingView struct {
	ID    string `json:"id"`
	Bytes uint64 `json:"bytes"`
	Lost  uint64 `json:"lost"`
}

// FlowView is a Flow in JSON.
type FlowView struct {
	Packets     uint64  `json:"packets"`
	Kernel      uint64  `json:"kernel_packets"`
	Bytes       uint64  `json:"bytes"`
	Lost        uint64  `json:"lost"`
	Refused     uint64  `json:"refused_sources"`
	Dropped     uint64  `json:"dropped"`
	JitterMS    float64 `json:"jitter_ms"`
	MaxJitterMS float64 `json:"max_jitter_ms"`
	MOS         float64 `json:"mos"`
	Path        string  `json:"path"`
}

// LegView is a Leg in JSON.
type LegView struct {
	RoundTripMS float64 `json:"round_trip_ms"`
	Lost        uint64  `json:"heard_lost"`
	JitterMS    float64 `json:"heard_jitter_ms"`
	MOS         float64 `json:"heard_mos"`
}

func (m Media) view() MediaView {
	return MediaView{Codec: m.Codec, Path: m.Path, AtoB: FlowView(m.AtoB), BtoA: FlowView(m.BtoA),
		Caller: LegView(m.Caller), Callee: LegView(m.Callee),
		Video:     VideoView{Codec: m.Video.Codec, AtoB: VideoFlowView(m.Video.AtoB), BtoA: VideoFlowView(m.Video.BtoA)},
		Recording: RecordingView(m.Recording), End: m.End}
}

// View returns r as it may be shown to anyone.
func (r Record) View() View { return r.ViewWith(binding.Number.Masked) }

// ViewWith is View with another way to show real numbers.
func (r Record) ViewWith(show func(binding.Number) binding.Masked) View {
	return View{
		ID: r.ID, Kind: r.kind(), Origin: r.Origin, Seq: r.Seq, Binding: r.Binding, Order: r.Order, Tenant: r.Tenant,
		IndustrialID: r.IndustrialID, Data: r.Data, TrunkIn: r.TrunkIn, TrunkOut: r.TrunkOut,
		CallerIn: r.CallerIn.shown(show), CalleeIn: r.CalleeIn.shown(show),
		CallerOut: r.CallerOut.shown(show), CalleeOut: r.CalleeOut.shown(show),
		ReceivedAt: r.ReceivedAt, RingingAt: r.RingingAt, AnsweredAt: r.AnsweredAt, ReleasedAt: r.ReleasedAt,
		ReleasedBy: r.ReleasedBy, SIPStatus: r.SIPStatus, Q850: r.Q850, End: r.End, Refusal: r.Refusal, Why: r.Why(),
		Rule: r.Rule, Shadow: r.Shadow, Evidence: r.Evidence,
		Media: r.Media.view(), Text: TextView(r.Text),
	}
}

// MarshalJSON writes the View of r.
func (r Record) MarshalJSON() ([]byte, error) { return json.Marshal(r.View()) }

// UnmarshalJSON returns ErrReadBack: the numbers in JSON are masked.
func (r *Record) UnmarshalJSON([]byte) error { return ErrReadBack }
