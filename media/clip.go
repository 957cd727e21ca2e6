package media

// Clip is audio of ours: frames of 20 ms of one codec. It is not changed while it
// plays, and any number of sessions may play it.
type Clip struct {
	Codec  string   // as in package sdp: "PCMA", "PCMU", "G722"
	Frames [][]byte // payloads; G.711 and G.722: 160 bytes each
	Loop   bool     // again from the start until stopped
}
