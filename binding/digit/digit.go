// Package digit reads the digits of a text as people write them: of any script, as
// numerals, in circles, as letters that look like them, with separators between.
package digit

import "unicode"

// Script tells digits of one writing from those of another: where it changes, a
// group of digits ends.
type Script uint8

// Scripts that are told apart.
const (
	ASCII Script = iota
	Chinese
	Letters // that look like digits
	Other
)

// Of reads one character as a digit, of the value 0 to 9.
func Of(r rune) (value byte, s Script, ok bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r - '0'), ASCII, true
	case r < 0x80:
		switch r {
		case 'O', 'o':
			return 0, Letters, true
		case 'l', 'I':
			return 1, Letters, true
		}
		return 0, 0, false
	}
	if v, ok := chineseDigits[r]; ok {
		return v, Chinese, true
	}
	switch {
	case r >= '①' && r <= '⑨':
		return byte(r-'①') + 1, Other, true
	case r == '⓪' || r == '⓿' || r == '🄋' || r == '🄌':
		return 0, Other, true
	case r >= '⑴' && r <= '⑼':
		return byte(r-'⑴') + 1, Other, true
	case r >= '⒈' && r <= '⒐':
		return byte(r-'⒈') + 1, Other, true
	case r >= '❶' && r <= '❾':
		return byte(r-'❶') + 1, Other, true
	case r >= '➀' && r <= '➈':
		return byte(r-'➀') + 1, Other, true
	case r >= '➊' && r <= '➒':
		return byte(r-'➊') + 1, Other, true
	case r >= '⓵' && r <= '⓽':
		return byte(r-'⓵') + 1, Other, true
	case r >= '㈠' && r <= '㈨':
		return byte(r-'㈠') + 1, Other, true
	case r >= '㊀' && r <= '㊈':
		return byte(r-'㊀') + 1, Other, true
	case r >= '⁴' && r <= '⁹':
		return byte(r-'⁴') + 4, Other, true
	case r >= '₀' && r <= '₉':
		return byte(r - '₀'), Other, true
	}
	switch r {
	case '⁰':
		return 0, Other, true
	case '¹':
		return 1, Other, true
	case '²':
		return 2, Other, true
	case '³':
		return 3, Other, true
	}
	if !unicode.Is(unicode.Nd, r) {
		return 0, 0, false
	}
	// Decimal digits come in rows of ten from 0 to 9; a range of the table holds one
	// or several rows.
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), Other, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), Other, true
		}
	}
	return 0, 0, false
}

// chineseDigits are numerals in the everyday writing and in that of cheques, and
// what is said for digits on the telephone.
var chineseDigits = map[rune]byte{
	'〇': 0, '零': 0, '洞': 0, '○': 0, '◯': 0,
	'一': 1, '壹': 1, '幺': 1, '弌': 1,
	'二': 2, '贰': 2, '貳': 2, '两': 2, '兩': 2,
	'三': 3, '叁': 3, '參': 3, '叄': 3,
	'四': 4, '肆': 4,
	'五': 5, '伍': 5,
	'六': 6, '陆': 6, '陸': 6,
	'七': 7, '柒': 7, '拐': 7,
	'八': 8, '捌': 8,
	'九': 9, '玖': 9, '勾': 9,
}

// IsSeparator says whether a character may stand between two digits of a number.
func IsSeparator(r rune) bool {
	switch r {
	case '_', '.', '·', '•', '・', '‧', '．', '。', '~', '～', '/', '／', '\\', '|', '｜', '*', '＊', '+', '＋', '(', ')', '（', '）',
		'[', ']', '【', '】', '−', '—', '＿', '-', ' ', '\t', '\n', '\v', '\f', '\r':
		return true
	}
	return r >= 0x80 && (unicode.IsSpace(r) || unicode.Is(unicode.Pd, r))
}

// IsUnseen says whether a character is not seen, or only changes the one before it.
func IsUnseen(r rune) bool { return r >= 0x80 && unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) }
