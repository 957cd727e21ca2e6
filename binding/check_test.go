package binding_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

// assertRefusal fails unless err is a refusal of that field, in one line,
// with a hint what to do and without a number.
func assertRefusal(t *testing.T, what string, err error, field string) {
	t.Helper()
	var refusal *binding.FieldError
	if !errors.As(err, &refusal) {
		t.Errorf("%s: error is %v, want a refusal of %s", what, err, field)
		return
	}
	if refusal.Field != field || !strings.HasPrefix(err.Error(), field+": ") {
		t.Errorf("%s: refused for %q, want %s", what, err, field)
	}
	if errors.Unwrap(err) == nil {
		t.Errorf("%s: nothing stands behind the refusal", what)
	}
	assertPlain(t, what, err)
}

func assertPlain(t *testing.T, what string, err error) {
	t.Helper()
	text := err.Error()
	if strings.ContainsAny(text, "\r\n") || hasDigit(strings.ReplaceAll(text, "700", "")) {
		t.Errorf("%s: the text is more than a line, or holds a number: %q", what, text)
	}
	if !strings.ContainsAny(text, ";,") {
		t.Errorf("%s: the text does not say what to do: %q", what, text)
	}
}

// group makes a request one for a group of two.
func group(r *binding.Request) {
	r.Mode, r.A, r.Group = "gxb", "", []string{"13700138000", "13700138001"}
}

func TestCreateRefuses(t *testing.T) {
	s, store := desk(t)
	long := func(n int) string { return strings.Repeat("a", n) }
	for name, test := range map[string]struct {
		change func(*binding.Request)
		field  string
		is     error
	}{
		"no mode":         {func(r *binding.Request) { r.Mode = "" }, "mode", binding.ErrMode},
		"unknown mode":    {func(r *binding.Request) { r.Mode = "13800138000" }, "mode", binding.ErrMode},
		"mode in capital": {func(r *binding.Request) { r.Mode = "AXB" }, "mode", binding.ErrMode},
		"ax":              {func(r *binding.Request) { r.Mode = "ax" }, "mode", binding.ErrStrangers},
		"axe":             {func(r *binding.Request) { r.Mode, r.Extension = "axe", "1234" }, "mode", binding.ErrStrangers},
		"remote":          {func(r *binding.Request) { r.Mode = "remote" }, "mode", binding.ErrMode},
		"y in axb":        {func(r *binding.Request) { r.Y = "700100000010008" }, "y", nil},
		"group in axb":    {func(r *binding.Request) { r.Group = []string{"13800138000"} }, "group", nil},
		"ext in axb":      {func(r *binding.Request) { r.Extension = "1234" }, "extension", nil},
		"back in axb":     {func(r *binding.Request) { r.Back = "last-caller" }, "back", nil},
		"texts in words":  {func(r *binding.Request) { r.Texts = "13800138000" }, "texts", nil},
		"back in words":   {func(r *binding.Request) { group(r); r.Back = "13800138000" }, "back", nil},

		"x is y":             {func(r *binding.Request) { r.Mode, r.X, r.Y = "axyb", "700100000010007", "+86700100000010007" }, "y", nil},
		"y not held":         {func(r *binding.Request) { r.Mode, r.Y = "axyb", "700100000020000" }, "y", binding.ErrNotHeld},
		"both not held":      {func(r *binding.Request) { r.Mode, r.X, r.Y = "axyb", "700100000010007", "700100000020000" }, "y", binding.ErrNotHeld},
		"number as y":        {func(r *binding.Request) { r.Mode, r.Y = "axyb", "13800138000" }, "y", binding.ErrNot700},
		"group in axyb":      {func(r *binding.Request) { r.Mode, r.Group = "axyb", []string{"13800138000"} }, "group", nil},
		"no group":           {func(r *binding.Request) { r.Mode = "gxb" }, "group", nil},
		"no b of a group":    {func(r *binding.Request) { group(r); r.B = "" }, "b", nil},
		"y in gxb":           {func(r *binding.Request) { group(r); r.Y = "700100000010008" }, "y", nil},
		"ext in gxyb":        {func(r *binding.Request) { group(r); r.Mode, r.Extension = "gxyb", "1234" }, "extension", nil},
		"malformed member":   {func(r *binding.Request) { group(r); r.Group[1] = "1380013800" }, "group", binding.ErrMalformed},
		"700 as member":      {func(r *binding.Request) { group(r); r.Group[1] = "700100000010007" }, "group", binding.ErrIs700},
		"member twice":       {func(r *binding.Request) { group(r); r.Group[1] = "+86" + r.Group[0] }, "group", nil},
		"b in the group":     {func(r *binding.Request) { group(r); r.Group[1] = r.B }, "b", nil},
		"a not in the group": {func(r *binding.Request) { group(r); r.A = "13700000003" }, "a", nil},
		"large group":        {func(r *binding.Request) { group(r); r.Group = make([]string, 1001) }, "group", nil},
		"member in data":     {func(r *binding.Request) { group(r); r.Data = "to 137-0013-8001" }, "data", nil},

		"no a":                 {func(r *binding.Request) { r.A = "" }, "a", nil},
		"blank b":              {func(r *binding.Request) { r.B = "  " }, "b", nil},
		"malformed a":          {func(r *binding.Request) { r.A = "1380013800" }, "a", binding.ErrMalformed},
		"full width b":         {func(r *binding.Request) { r.B = "１３８００１３８０００" }, "b", binding.ErrMalformed},
		"local number":         {func(r *binding.Request) { r.A = "59658005" }, "a", binding.ErrAreaCode},
		"emergency":            {func(r *binding.Request) { r.B = "110" }, "b", binding.ErrEmergency},
		"short":                {func(r *binding.Request) { r.A = "10086" }, "a", binding.ErrShort},
		"service":              {func(r *binding.Request) { r.A = "95588" }, "a", binding.ErrService},
		"toll-free":            {func(r *binding.Request) { r.B = "4001234567" }, "b", binding.ErrTollFree},
		"700 as a":             {func(r *binding.Request) { r.A = "700100000010007" }, "a", binding.ErrIs700},
		"700 as b, other form": {func(r *binding.Request) { r.B = "+86 700-1000-0001-0007" }, "b", binding.ErrIs700},
		"a is b":               {func(r *binding.Request) { r.B = r.A }, "b", nil},
		"a is b, other form":   {func(r *binding.Request) { r.A, r.B = "13800138000", "+86 138-0013-8000" }, "b", nil},
		"a is b, landline":     {func(r *binding.Request) { r.A, r.B = "01059658005", "1059658005" }, "b", nil},

		"number as x":  {func(r *binding.Request) { r.X = "13800138000" }, "x", binding.ErrNot700},
		"word as x":    {func(r *binding.Request) { r.X = "alice" }, "x", binding.ErrNot700},
		"short x":      {func(r *binding.Request) { r.X = "70010000001" }, "x", binding.ErrIncomplete},
		"long x":       {func(r *binding.Request) { r.X = "7001000000100078" }, "x", binding.ErrTooLong},
		"x not held":   {func(r *binding.Request) { r.X = "700100000020000" }, "x", binding.ErrNotHeld},
		"x as a space": {func(r *binding.Request) { r.X = " " }, "x", binding.ErrNot700},

		"no order":         {func(r *binding.Request) { r.Order = "" }, "order", nil},
		"blank order":      {func(r *binding.Request) { r.Order = " " }, "order", nil},
		"long order":       {func(r *binding.Request) { r.Order = long(129) }, "order", nil},
		"line in order":    {func(r *binding.Request) { r.Order = "a\nb" }, "order", nil},
		"tab in consent":   {func(r *binding.Request) { r.Consent = "a\tb" }, "consent", nil},
		"long consent":     {func(r *binding.Request) { r.Consent = long(129) }, "consent", nil},
		"nul in id":        {func(r *binding.Request) { r.IndustrialID = "a\x00" }, "industrial_id", nil},
		"long id":          {func(r *binding.Request) { r.IndustrialID = long(129) }, "industrial_id", nil},
		"long tenant":      {func(r *binding.Request) { r.Tenant = long(65) }, "tenant", nil},
		"escape in tenant": {func(r *binding.Request) { r.Tenant = "\x1b[31m" }, "tenant", nil},
		"long data":        {func(r *binding.Request) { r.Data = long(1025) }, "data", nil},
		"C1 in data":       {func(r *binding.Request) { r.Data = "a\u0085b" }, "data", nil},
		"separator":        {func(r *binding.Request) { r.Data = "a\u2028b" }, "data", nil},
		"turned text":      {func(r *binding.Request) { r.Order = "a\u202eb" }, "order", nil},
		"not UTF":          {func(r *binding.Request) { r.Data = "a\xff" }, "data", nil},
		"number in order":  {func(r *binding.Request) { r.A, r.Order = "13800138000", "no 13800138000" }, "order", nil},
		"number in data":   {func(r *binding.Request) { r.A, r.Data = "13800138000", `{"to":"+86 138-0013-8000"}` }, "data", nil},
		"landline in id":   {func(r *binding.Request) { r.B, r.IndustrialID = "01059658005", "1/01059658005" }, "industrial_id", nil},
		"foreign in data":  {func(r *binding.Request) { r.B, r.Data = "+2901234", "2901234" }, "data", nil},

		"ttl and expires":   {func(r *binding.Request) { r.TTL, r.Expires = time.Hour, noon.Add(time.Hour) }, "ttl", nil},
		"ttl negative":      {func(r *binding.Request) { r.TTL = -time.Hour }, "ttl", nil},
		"ttl of a century":  {func(r *binding.Request) { r.TTL = 100 * 365 * 24 * time.Hour }, "ttl", nil},
		"ttl of nothing":    {func(r *binding.Request) { r.TTL = 1 }, "ttl", nil},
		"expires now":       {func(r *binding.Request) { r.Expires = noon }, "expires", nil},
		"expired":           {func(r *binding.Request) { r.Expires = noon.Add(-time.Hour) }, "expires", nil},
		"expires far away":  {func(r *binding.Request) { r.Expires = noon.AddDate(11, 0, 0) }, "expires", nil},
		"limit negative":    {func(r *binding.Request) { r.MaxDuration = -1 }, "max_duration", nil},
		"limit tiny":        {func(r *binding.Request) { r.MaxDuration = time.Millisecond }, "max_duration", nil},
		"limit of two days": {func(r *binding.Request) { r.MaxDuration = 48 * time.Hour }, "max_duration", nil},
		"sideways":          {func(r *binding.Request) { r.OneWay = "sideways" }, "one_way", nil},
	} {
		_, err := s.Create(t.Context(), request(test.change))
		assertRefusal(t, name, err, test.field)
		if test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: error is %v, want %v", name, err, test.is)
		}
	}
	if err := store.List(t.Context(), binding.Filter{}, func(b binding.Binding) error {
		t.Errorf("a refused request left %+v", b)
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestModeRefusalsNameWhatIsAvailable(t *testing.T) {
	s, _ := desk(t)
	for mode, want := range map[string]string{
		"":         "mode: missing; available: axb, axyb, gxb, gxyb, ax, axe",
		"remote":   "mode: nothing is stored for mode remote: an endpoint of the configuration decides each call; to bind: axb, axyb, gxb, gxyb, ax, axe",
		"hologram": "mode: not an available mode; available: axb, axyb, gxb, gxyb, ax, axe",
		"ax": "mode: connects anyone who dials, which is not allowed on 700 numbers; " +
			"use another mode, or have the operator set numbering.allow_strangers",
	} {
		_, err := s.Create(t.Context(), request(func(r *binding.Request) { r.Mode = mode }))
		if err == nil || err.Error() != want {
			t.Errorf("%q: error is %v, want %s", mode, err, want)
		}
	}
}

// TestCreateRefusesOfStrangers: what is refused where they are allowed.
func TestCreateRefusesOfStrangers(t *testing.T) {
	s, _ := desk(t)
	s.Plan.Strangers = true
	ax := func(r *binding.Request) { r.Mode = "ax" }
	axe := func(r *binding.Request) { r.Mode, r.Extension = "axe", "1234" }
	for name, test := range map[string]struct {
		change func(*binding.Request)
		field  string
		is     error
	}{
		"no a":             {func(r *binding.Request) { ax(r); r.A = "" }, "a", nil},
		"a is b":           {func(r *binding.Request) { ax(r); r.B = r.A }, "b", nil},
		"group":            {func(r *binding.Request) { ax(r); r.Group = []string{"13700138000"} }, "group", nil},
		"y":                {func(r *binding.Request) { ax(r); r.Y = "700100000010008" }, "y", nil},
		"extension":        {func(r *binding.Request) { axe(r); r.Mode = "ax" }, "extension", nil},
		"in turn":          {func(r *binding.Request) { axe(r); r.Back = "in-turn" }, "back", nil},
		"one way":          {func(r *binding.Request) { ax(r); r.OneWay = "b-to-a" }, "one_way", nil},
		"no extension":     {func(r *binding.Request) { axe(r); r.Extension = "" }, "extension", nil},
		"a digit":          {func(r *binding.Request) { axe(r); r.Extension = "1" }, "extension", binding.ErrExtension},
		"nine digits":      {func(r *binding.Request) { axe(r); r.Extension = "123456789" }, "extension", binding.ErrExtension},
		"a star":           {func(r *binding.Request) { axe(r); r.Extension = "12*4" }, "extension", binding.ErrExtension},
		"full width digit": {func(r *binding.Request) { axe(r); r.Extension = "12３4" }, "extension", binding.ErrExtension},
	} {
		_, err := s.Create(t.Context(), request(test.change))
		assertRefusal(t, name, err, test.field)
		if test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: error is %v, want %v", name, err, test.is)
		}
	}
}

// TestCreateAccepts is the other side of each bound.
func TestCreateAccepts(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	for name, change := range map[string]func(*binding.Request){
		"plain":        func(*binding.Request) {},
		"texts":        func(r *binding.Request) { r.Order, r.Consent, r.IndustrialID = long(128), long(128), long(128) },
		"tenant":       func(r *binding.Request) { r.Tenant = long(64) },
		"data":         func(r *binding.Request) { r.Data = long(1024) },
		"any script":   func(r *binding.Request) { r.Order, r.Data = "订单七", "данные — é" },
		"formula":      func(r *binding.Request) { r.Order = "=1+1" },
		"ttl":          func(r *binding.Request) { r.TTL = time.Millisecond },
		"ten years":    func(r *binding.Request) { r.TTL = 10 * 365 * 24 * time.Hour },
		"expires":      func(r *binding.Request) { r.Expires = noon.Add(time.Millisecond) },
		"limit":        func(r *binding.Request) { r.MaxDuration = time.Second },
		"a day":        func(r *binding.Request) { r.MaxDuration = 24 * time.Hour },
		"a to b":       func(r *binding.Request) { r.OneWay = "a-to-b" },
		"landline":     func(r *binding.Request) { r.B = "010-5965-8005" },
		"abroad":       func(r *binding.Request) { r.B = "+49 30 12345678" },
		"other number": func(r *binding.Request) { r.Data = "call 13700000003" },
		"axyb":         func(r *binding.Request) { r.Mode = "axyb" },
		"axyb on x":    func(r *binding.Request) { r.Mode, r.X = "axyb", "700100000010007" },
		"axyb on y":    func(r *binding.Request) { r.Mode, r.Y = "axyb", "700100000010007" },
		"axyb on both": func(r *binding.Request) { r.Mode, r.X, r.Y = "axyb", "700100000010007", "700100000010008" },
		"gxb":          group,
		"gxb with a":   func(r *binding.Request) { group(r); r.A = "+86" + r.Group[1] },
		"gxyb":         func(r *binding.Request) { group(r); r.Mode = "gxyb" },
		"700 number":   func(r *binding.Request) { r.Data = "shows 700100000010007" },
	} {
		s, _ := desk(t)
		if _, err := s.AddTenant(t.Context(), long(64), binding.TenantSettings{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(t.Context(), request(change)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateReadsTheLegacyRanges(t *testing.T) {
	s, _ := desk(t)
	s.Plan.Legacy = []binding.LegacyRange{{Prefix: "17000", Length: 11}}
	_, err := s.Create(t.Context(), request(func(r *binding.Request) { r.A = "17000123456" }))
	assertRefusal(t, "legacy", err, "a")
	if !errors.Is(err, binding.ErrLegacy) {
		t.Errorf("error is %v", err)
	}
}
