package record

import "errors"

var (
	// ErrFormat says that bytes are not a recording of a version known here.
	ErrFormat = errors.New("record: not a recording of this version")
	// ErrCut says that a recording stops without its end: a crash cut it off, or it is being written.
	ErrCut = errors.New("record: the recording stops without its end")
	// ErrDamaged says that bytes were changed, moved or left out. What was read before is genuine.
	ErrDamaged = errors.New("record: the recording is damaged here")
	// ErrCipher says that a cipher is not known.
	ErrCipher = errors.New("record: not a cipher; write aes-256-gcm or sm4-gcm")
	// ErrKey says that a data key is not KeySize bytes long.
	ErrKey = errors.New("record: the data key is not 32 bytes long")
	// ErrCodec says that audio of this codec cannot be made a sound file here.
	ErrCodec = errors.New("record: the codec cannot be decoded here")
	// ErrExport says that there is no such form to export a recording in.
	ErrExport = errors.New("record: not a form to export in; write wav or pcap")
	// ErrTooLong says that a recording does not fit into a sound file, which holds 4 GiB.
	ErrTooLong = errors.New("record: the recording is too long for a sound file")
)
