// Package text looks into the bodies of texts: it finds the telephone numbers
// that people write into them, and counts what a text is billed by. It is pure,
// and keeps nothing of what it has read.
//
// # Numbers
//
// Digits are those of every script (ASCII, full-width, Arabic, in circles, bold
// …), Chinese numerals in both writings with 〇, and the words that are said for
// digits on the telephone (幺, 洞, 拐, 勾, 两); the letters O, o, l and I count among
// digits. Between two digits of a number there may be up to three of
//
//	space, line break, - _ . · • ~ / \ | * + ( ) [ ] and their full-width forms
//
// and any number of characters that cannot be seen. A number is
//
//	mobile     1[3-9] and 9 digits, behind 86, +86, 0086, 0 or nothing
//	landline   area code and number, behind 0, +86 or 0086
//	abroad     what a + or 00 stands in front of
//
// as [binding.Plan] reads it, and begins and ends where a group of digits does: a
// group ends with a separator, with any other character, and where another
// script begins. So an order number of 20 digits is none, whatever is inside of
// it. The numbers of the parties themselves, of whatever country and length, are found inside of longer groups
// and words too, with up to eight characters of any kind between two digits ("139, then 0000 and 0002"): the part
// that their forms in E.164 and in their country have in common, so with whatever stands in front of it.
//
// 700 numbers and those of older ranges are none: both parties see them.
//
// # Limits
//
// Not found is what needs to be understood: numbers as sums or riddles,
// backwards, in pinyin, in several texts; a landline without
// its area code; and those of others with words or letters between the digits ("一三八然后零零"), or commas or colons. What one party's own number looks like in percent, base64, hex
// or reversed BCD is for package sentinel, which searches every text that leaves.
package text

// Policy says what becomes of a telephone number in a text.
type Policy uint8

// Policies. The parties' own numbers never pass.
const (
	Mask   Policy = iota // its digits are replaced by stars
	Pass                 // it stays, unless it is a party's own: that is masked
	Refuse               // the text is refused
)

var policies = [...]string{"mask", "pass", "refuse"}

// String returns the policy as the configuration writes it.
func (p Policy) String() string {
	if int(p) < len(policies) {
		return policies[p]
	}
	return "unknown"
}

// ParsePolicy reads what String writes.
func ParsePolicy(s string) (Policy, bool) {
	for i, name := range policies {
		if s == name {
			return Policy(i), true
		}
	}
	return 0, false
}
