package store

import "encoding/binary"

// A binding id in a key, and in the sealed part of a row, is two numbers of 38 bits when it is of 16 lower-case letters,
// as ids are that were drawn here: 10 bytes that sort as the letters do. Any other id is its text behind a byte that none
// of those begins with.
const (
	idLetters  = 16
	packedSize = 10
	halfBits   = 38 // 26^8 is less than 2^38
	halfEnd    = 26 * 26 * 26 * 26 * 26 * 26 * 26 * 26
	textMark   = 0xff
)

// idSize is how many bytes appendID adds.
func idSize(id string) int {
	if packed(id) {
		return packedSize
	}
	return 1 + len(id)
}

func packed(id string) bool {
	if len(id) != idLetters {
		return false
	}
	for i := range idLetters {
		if id[i] < 'a' || id[i] > 'z' {
			return false
		}
	}
	return true
}

func appendID(b []byte, id string) []byte {
	if !packed(id) {
		return append(append(b, textMark), id...)
	}
	var half [2]uint64
	for i := range idLetters {
		h := &half[i/8]
		*h = *h*26 + uint64(id[i]-'a')
	}
	b = binary.BigEndian.AppendUint16(b, uint16(half[0]>>(64-halfBits)))
	return binary.BigEndian.AppendUint64(b, half[0]<<halfBits|half[1])
}

// parseID reads what appendID wrote, and only that: one id has one form. It takes any bytes.
func parseID(b []byte) (string, bool) {
	if len(b) > 0 && b[0] == textMark {
		id := string(b[1:])
		return id, !packed(id)
	}
	if len(b) != packedSize {
		return "", false
	}
	low := binary.BigEndian.Uint64(b[2:])
	half := [2]uint64{uint64(binary.BigEndian.Uint16(b))<<(64-halfBits) | low>>halfBits, low & (1<<halfBits - 1)}
	if half[0] >= halfEnd || half[1] >= halfEnd {
		return "", false
	}
	var id [idLetters]byte
	for i := idLetters - 1; i >= 0; i-- {
		h := &half[i/8]
		id[i] = 'a' + byte(*h%26)
		*h /= 26
	}
	return string(id[:]), true
}

// idKey is where the ID table has an id.
func idKey(id string) []byte {
	return appendID(append(make([]byte, 0, 1+idSize(id)), tableID), id)
}
