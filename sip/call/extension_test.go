package call

import (
	"testing"

	"mask700/binding"
)

func lengths(n ...int) (l binding.Lengths) {
	for _, n := range n {
		l |= 1 << n
	}
	return l
}

// What is asked for, of keys and of the time in which none comes ("."), where there are
// extensions of some lengths.
func TestExtensionsAreRead(t *testing.T) {
	for name, tt := range map[string]struct {
		lengths binding.Lengths
		keys    string
		want    string // by key: w waits, a asks, x is wrong, - is nothing
		digits  string // in the end
	}{
		"as many as there are":            {lengths(4), "1234", "wwwa", "1234"},
		"the longest that there are":      {lengths(2, 4), "1234", "wwwa", "1234"},
		"ended by the hash":               {lengths(2, 4), "12#", "wwa", "12"},
		"ended by time":                   {lengths(2, 4), "12.", "wwa", "12"},
		"ended by the hash, of no length": {lengths(2, 4), "123#", "wwwx", "123"},
		"ended by time, of no length":     {lengths(4), "12.", "wwx", "12"},
		"no digit":                        {lengths(4), ".", "x", ""},
		"no digit, but the hash":          {lengths(4), "#", "x", ""},
		"the star forgets":                {lengths(2), "1*23", "wwwa", "23"},
		"the star alone":                  {lengths(2), "*.", "wx", ""},
		"letters are none":                {lengths(2), "1ABCD2", "w----a", "12"},
		"zero is a digit":                 {lengths(3), "000", "wwa", "000"},
		"eight digits":                    {lengths(8), "12345678", "wwwwwwwa", "12345678"},
	} {
		x := Extension{On: true, Lengths: tt.lengths}
		got := ""
		for _, k := range tt.keys {
			s := x.lapse
			if k != '.' {
				s = func() step { return x.press(byte(k)) }
			}
			got += string("-wax"[s()])
		}
		if got != tt.want || x.Digits != tt.digits {
			t.Errorf("%s: %q with %q, want %q with %q", name, got, x.Digits, tt.want, tt.digits)
		}
	}
}

// While the store is asked, when there are no more attempts, and when nobody is asked, a key
// is for nobody.
func TestKeysForNobody(t *testing.T) {
	for name, x := range map[string]Extension{
		"the store is asked": {On: true, Asking: true}, "no more attempts": {On: true, Over: true}, "not asked": {},
	} {
		x.Lengths = lengths(1)
		if x.press('1') != stepNone || x.press('#') != stepNone || x.lapse() != stepNone || x.Digits != "" {
			t.Errorf("%s: a key was taken", name)
		}
	}
}

// Who presses on and on, clearing again and again, is told that there is nothing.
func TestKeysAreBounded(t *testing.T) {
	x := Extension{On: true, Lengths: lengths(4)}
	for range maxKeys {
		if x.press('*') != stepWait {
			t.Fatal("not waited for")
		}
	}
	if x.press('*') != stepWrong || x.Wrong < 10 {
		t.Errorf("%d attempts were counted", x.Wrong)
	}
}
