// Package prompt holds what we say to callers: announcements in Chinese and
// English and the tones of the network, as clips of 20 ms frames in G.711 and
// G.722. An operator's own files replace any of them. Clips are made once and
// shared by all calls.
//
// make.sh beside it makes the files.
package prompt

import (
	"errors"
	"time"

	"mask700/media"
)

// ID names an announcement or a tone, and its file.
type ID string

// Announcements.
const (
	NotInService    ID = "not-in-service"   // to all who get 404, whatever the reason
	OrderFinished   ID = "order-finished"   // to a party whose binding has ended of late
	CallLimit       ID = "call-limit"       // to a party that may not call now
	LastMinute      ID = "last-minute"      // to both, before the longest duration is over
	RecordingNotice ID = "recording-notice" // to both, when a call that is recorded is answered
	EnterExtension  ID = "enter-extension"  // to one who has dialled none
)

// Tones.
const (
	Ringback     ID = "ringback"
	Busy         ID = "busy"
	Congestion   ID = "congestion"   // also called reorder
	Unobtainable ID = "unobtainable" // there is no such number
	Notice       ID = "notice"       // one burst
)

var (
	announcements = []ID{NotInService, OrderFinished, CallLimit, LastMinute, RecordingNotice, EnterExtension}
	tones         = []ID{Ringback, Busy, Congestion, Unobtainable, Notice}
)

// Languages of Options.Language.
const (
	Chinese        = "zh"
	English        = "en"
	ChineseEnglish = "zh+en" // one after the other
	EnglishChinese = "en+zh"
	ToneOnly       = "tone" // a tone in the place of each announcement
)

// Plans of Options.Tones.
const (
	China = "china" // 450 Hz
	ITU   = "itu"   // 425 Hz, and the three tones of special information
)

// Codecs of clips, as package sdp names them, the one preferred first.
var Codecs = [...]string{"PCMA", "PCMU", "G722"}

const (
	// frameSize is 20 ms in any of the codecs.
	frameSize = 160
	frameTime = 20 * time.Millisecond
	// MaxLength bounds one file.
	MaxLength = time.Minute
)

// instead is the tone that says what an announcement says, and how often.
var instead = map[ID]struct {
	tone  ID
	times int
}{
	NotInService:    {Unobtainable, 3},
	OrderFinished:   {Unobtainable, 3},
	CallLimit:       {Congestion, 3},
	LastMinute:      {Notice, 1},
	RecordingNotice: {Notice, 1},
	EnterExtension:  {Notice, 1},
}

// errLanguage and errPlan repeat no value.
var (
	errLanguage = errors.New("prompt: language: write one of zh, en, zh+en, en+zh, tone")
	errPlan     = errors.New("prompt: tones: write one of china, itu")
)

// Options say which clips there are.
type Options struct {
	Language string // "": Chinese
	Tones    string // "": China
	Dir      string // the operator's own files; "": none
}

// Catalogue is every clip. It is not changed once it is made.
type Catalogue struct {
	clips map[ID][len(Codecs)]*media.Clip // by the index in Codecs
}

// Clip gives a clip in a codec, nil when there is none.
func (c *Catalogue) Clip(id ID, codec string) *media.Clip {
	if c == nil {
		return nil
	}
	for i, name := range Codecs {
		if name == codec {
			return c.clips[id][i]
		}
	}
	return nil
}

// Length is how long a clip plays once.
func Length(c *media.Clip) time.Duration { return time.Duration(len(c.Frames)) * frameTime }

// Load makes the catalogue. It fails with *FileError for a file of the operator's
// that cannot be used, whether or not the language asks for it.
func Load(o Options) (*Catalogue, error) {
	var languages []string
	switch o.Language {
	case "", Chinese:
		languages = []string{Chinese}
	case English:
		languages = []string{English}
	case ChineseEnglish:
		languages = []string{Chinese, English}
	case EnglishChinese:
		languages = []string{English, Chinese}
	case ToneOnly:
	default:
		return nil, errLanguage
	}
	plan := o.Tones
	switch plan {
	case "":
		plan = China
	case China, ITU:
	default:
		return nil, errPlan
	}
	own, err := readDir(o.Dir)
	if err != nil {
		return nil, err
	}
	get := func(folder string, id ID, ours string) (audio, error) {
		if a, ok := own[folder+"/"+string(id)]; ok {
			return a, nil
		}
		return embedded(ours + "/" + string(id))
	}
	c := &Catalogue{clips: map[ID][len(Codecs)]*media.Clip{}}
	played := map[ID]audio{}
	for _, id := range tones {
		a, err := get(toneFolder, id, toneFolder+"/"+plan)
		if err != nil {
			return nil, err
		}
		played[id] = a
		c.clips[id] = a.clips(id != Notice)
	}
	for _, id := range announcements {
		var whole audio
		for i, l := range languages {
			a, err := get(l, id, l)
			if err != nil {
				return nil, err
			}
			if i == 0 {
				whole = a
			} else {
				whole = whole.then(a)
			}
		}
		if len(languages) == 0 {
			tone := instead[id]
			whole = played[tone.tone]
			for range tone.times - 1 {
				whole = whole.then(played[tone.tone])
			}
		}
		c.clips[id] = whole.clips(false)
	}
	return c, nil
}
