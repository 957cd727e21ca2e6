package cdr

import (
	"strconv"
	"strings"
	"time"
)

// column is one column of the CSV export.
type column struct {
	name  string
	value func(*View) string
}

// columns is only read. New columns are added at the end: importers count.
var columns = []column{
	{"id", func(v *View) string { return v.ID }},
	{"seq", func(v *View) string { return strconv.FormatUint(v.Seq, 10) }},
	{"binding", func(v *View) string { return v.Binding }},
	{"order", func(v *View) string { return v.Order }},
	{"tenant", func(v *View) string { return v.Tenant }},
	{"industrial_id", func(v *View) string { return v.IndustrialID }},
	{"trunk_in", func(v *View) string { return v.TrunkIn }},
	{"trunk_out", func(v *View) string { return v.TrunkOut }},
	{"caller_in", func(v *View) string { return v.CallerIn }},
	{"callee_in", func(v *View) string { return v.CalleeIn }},
	{"caller_out", func(v *View) string { return v.CallerOut }},
	{"callee_out", func(v *View) string { return v.CalleeOut }},
	{"received_at", func(v *View) string { return written(v.ReceivedAt) }},
	{"ringing_at", func(v *View) string { return written(v.RingingAt) }},
	{"answered_at", func(v *View) string { return written(v.AnsweredAt) }},
	{"released_at", func(v *View) string { return written(v.ReleasedAt) }},
	{"released_by", func(v *View) string { return v.ReleasedBy }},
	{"sip_status", func(v *View) string { return strconv.Itoa(v.SIPStatus) }},
	{"q850", func(v *View) string { return strconv.Itoa(v.Q850) }},
	{"end", func(v *View) string { return v.End }},
	{"refusal", func(v *View) string { return string(v.Refusal) }},
	{"codec", func(v *View) string { return v.Media.Codec }},
	{"a_to_b_packets", func(v *View) string { return strconv.FormatUint(v.Media.AtoB.Packets, 10) }},
	{"a_to_b_bytes", func(v *View) string { return strconv.FormatUint(v.Media.AtoB.Bytes, 10) }},
	{"a_to_b_lost", func(v *View) string { return strconv.FormatUint(v.Media.AtoB.Lost, 10) }},
	{"a_to_b_refused_sources", func(v *View) string { return strconv.FormatUint(v.Media.AtoB.Refused, 10) }},
	{"a_to_b_jitter_ms", func(v *View) string { return milliseconds(v.Media.AtoB.JitterMS) }},
	{"b_to_a_packets", func(v *View) string { return strconv.FormatUint(v.Media.BtoA.Packets, 10) }},
	{"b_to_a_bytes", func(v *View) string { return strconv.FormatUint(v.Media.BtoA.Bytes, 10) }},
	{"b_to_a_lost", func(v *View) string { return strconv.FormatUint(v.Media.BtoA.Lost, 10) }},
	{"b_to_a_refused_sources", func(v *View) string { return strconv.FormatUint(v.Media.BtoA.Refused, 10) }},
	{"b_to_a_jitter_ms", func(v *View) string { return milliseconds(v.Media.BtoA.JitterMS) }},
	{"media_end", func(v *View) string { return v.Media.End }},
	{"data", func(v *View) string { return v.Data }},
	{"why", func(v *View) string { return v.Why }},
	{"a_to_b_mos", func(v *View) string { return score(v.Media.AtoB.MOS) }},
	{"b_to_a_mos", func(v *View) string { return score(v.Media.BtoA.MOS) }},
	{"caller_round_trip_ms", func(v *View) string { return milliseconds(v.Media.Caller.RoundTripMS) }},
	{"caller_heard_lost", func(v *View) string { return strconv.FormatUint(v.Media.Caller.Lost, 10) }},
	{"caller_heard_jitter_ms", func(v *View) string { return milliseconds(v.Media.Caller.JitterMS) }},
	{"caller_heard_mos", func(v *View) string { return score(v.Media.Caller.MOS) }},
	{"callee_round_trip_ms", func(v *View) string { return milliseconds(v.Media.Callee.RoundTripMS) }},
	{"callee_heard_lost", func(v *View) string { return strconv.FormatUint(v.Media.Callee.Lost, 10) }},
	{"callee_heard_jitter_ms", func(v *View) string { return milliseconds(v.Media.Callee.JitterMS) }},
	{"callee_heard_mos", func(v *View) string { return score(v.Media.Callee.MOS) }},
	{"media_path", func(v *View) string { return v.Media.Path }},
	{"recording", func(v *View) string { return v.Media.Recording.ID }},
	{"recording_bytes", func(v *View) string { return strconv.FormatUint(v.Media.Recording.Bytes, 10) }},
	{"video_codec", func(v *View) string { return v.Media.Video.Codec }},
	{"video_a_to_b_packets", func(v *View) string { return strconv.FormatUint(v.Media.Video.AtoB.Packets, 10) }},
	{"video_b_to_a_packets", func(v *View) string { return strconv.FormatUint(v.Media.Video.BtoA.Packets, 10) }},
	{"rule", func(v *View) string { return v.Rule }},
	{"shadow", func(v *View) string { return v.Shadow }},
	{"evidence", func(v *View) string { return v.Evidence }},
	{"kind", func(v *View) string { return v.Kind }},
	{"text_bytes", func(v *View) string { return strconv.FormatUint(v.Text.Bytes, 10) }},
	{"text_segments", func(v *View) string { return strconv.FormatUint(v.Text.Segments, 10) }},
	{"text_numbers", func(v *View) string { return strconv.FormatUint(v.Text.Numbers, 10) }},
	{"text_masked", func(v *View) string { return strconv.FormatUint(v.Text.Masked, 10) }},
	{"text_far_status", func(v *View) string { return strconv.FormatUint(v.Text.FarStatus, 10) }},
	{"origin", func(v *View) string { return v.Origin }},
	{"a_to_b_path", func(v *View) string { return v.Media.AtoB.Path }},
	{"b_to_a_path", func(v *View) string { return v.Media.BtoA.Path }},
	{"a_to_b_kernel_packets", func(v *View) string { return strconv.FormatUint(v.Media.AtoB.Kernel, 10) }},
	{"b_to_a_kernel_packets", func(v *View) string { return strconv.FormatUint(v.Media.BtoA.Kernel, 10) }},
	{"a_to_b_max_jitter_ms", func(v *View) string { return milliseconds(v.Media.AtoB.MaxJitterMS) }},
	{"b_to_a_max_jitter_ms", func(v *View) string { return milliseconds(v.Media.BtoA.MaxJitterMS) }},
	{"a_to_b_dropped", func(v *View) string { return strconv.FormatUint(v.Media.AtoB.Dropped, 10) }},
	{"b_to_a_dropped", func(v *View) string { return strconv.FormatUint(v.Media.BtoA.Dropped, 10) }},
}

// Columns returns the names of the columns of the CSV export, in order.
func Columns() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// Row returns the values of the columns, for encoding/csv to quote. Real
// numbers are masked, times are RFC 3339 with offset or empty, and no value
// begins like a formula of a spreadsheet.
func (r Record) Row() []string { return r.View().Row() }

// Row is Record.Row of what a client has read.
func (v View) Row() []string {
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = inert(c.value(&v))
	}
	return row
}

func written(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// score is a MOS to two places; nothing where there is none.
func score(mos float64) string {
	if mos == 0 {
		return ""
	}
	return strconv.FormatFloat(mos, 'f', 2, 64)
}

func milliseconds(ms float64) string { return strconv.FormatFloat(ms, 'f', -1, 64) }

// inert puts an apostrophe before a value that a spreadsheet would take for
// a formula, after blanks and in full width too. Order and data are a
// tenant's to choose, the one who opens the file is the operator.
func inert(value string) string {
	trimmed := strings.TrimLeft(value, " \u00a0\u3000")
	for _, start := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(trimmed, start) {
			return "'" + value
		}
	}
	return value
}
