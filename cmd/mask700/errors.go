package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit statuses of every command.
const (
	exitDone    = 0
	exitFailed  = 1 // or a value of a known option missing or refused
	exitUnknown = 2 // command or flag
)

// unknownError is a command or a flag that does not exist.
type unknownError struct{ text string }

func (e *unknownError) Error() string { return e.text }

// statusOf is the exit status for an error.
func statusOf(err error) int {
	if errors.As(err, new(*unknownError)) {
		return exitUnknown
	}
	return exitFailed
}

// plainWord is what may be repeated of a command line: a word in letters. Anything else may be a subscriber's number.
var plainWord = regexp.MustCompile(`^[a-z][a-z-]{0,31}$`)

// unknownCommand says that word is no command of cmd, and which one may have been meant.
func unknownCommand(cmd *cobra.Command, word string) error {
	what := "unknown command"
	if plainWord.MatchString(word) {
		what += fmt.Sprintf(" %q", word)
	}
	hint := ""
	if plainWord.MatchString(word) {
		if cmd.SuggestionsMinimumDistance <= 0 {
			cmd.SuggestionsMinimumDistance = 2
		}
		if s := cmd.SuggestionsFor(word); len(s) > 0 {
			hint = fmt.Sprintf("; did you mean `%s %s`?", cmd.CommandPath(), s[0])
		}
	}
	if hint == "" {
		hint = fmt.Sprintf("; `%s --help` lists them", cmd.CommandPath())
	}
	return &unknownError{what + " of " + cmd.CommandPath() + hint}
}

// flagError says what is wrong with a flag. The texts of the flag library repeat the value that was given.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 {
		return unknownCommand(cmd, words[0]) // its flags are unknown because it is
	}
	help := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		refused *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		what := "unknown flag"
		if name := unknown.GetSpecifiedName(); unknown.GetSpecifiedShortnames() == "" && plainWord.MatchString(name) {
			what += " --" + name
		}
		return &unknownError{fmt.Sprintf("%s of %s; %s", what, cmd.CommandPath(), help)}
	case errors.As(err, &missing):
		return fmt.Errorf("--%s needs a value; %s", missing.GetFlag().Name, help)
	case errors.As(err, &refused):
		return fmt.Errorf("--%s: %s; %s", refused.GetFlag().Name, expected(refused.GetFlag().Value.Type()), help)
	case errors.As(err, new(*pflag.InvalidSyntaxError)):
		return &unknownError{fmt.Sprintf("a word that begins with a dash is no flag of %s; %s", cmd.CommandPath(), help)}
	}
	return errors.New("the command line cannot be read; " + help)
}

// expected says what a flag of a type wants.
func expected(kind string) string {
	switch kind {
	case "duration":
		return "not a duration, such as 90s, 10m or 2h"
	case "int", "uint64":
		return "not a number"
	case "bool":
		return "takes no value"
	}
	return "not a value that it takes"
}

// digitRun is what may be a number, in groups with what people write between them; realNumberLike is one without that, and an
// octet a group of an address.
var (
	digitRun       = regexp.MustCompile(`\+?[0-9]+(?:[-_ ()./]{1,3}\+?[0-9]+)*`)
	digitGroup     = regexp.MustCompile(`\+?[0-9]+`)
	realNumberLike = regexp.MustCompile(`^(\+[0-9]{7,}|(00)?(86)?0?1[3-9][0-9]{9}|(00)?(86)?0[1-9][0-9]{8,10})$`)
	octet          = regexp.MustCompile(`^(0|[1-9][0-9]{0,2})$`)
	areaCode       = regexp.MustCompile(`^(\+[0-9]{1,5}|0[0-9]{2,3})$`)
)

// withoutNumbers blots out what reads like a subscriber's number. Errors are made without any; but one may have been
// given in the place of a file's name, which the system's own errors repeat.
func withoutNumbers(s string) string { return digitRun.ReplaceAllStringFunc(s, withoutGroups) }

// withoutGroups does so in one run: at each group the longest number that begins with it.
func withoutGroups(run string) string {
	const most = 8 // groups of a number
	out, at := "", 0
	groups := digitGroup.FindAllStringIndex(run, -1)
	for i := 0; i < len(groups); i++ {
		number, last := "", -1
		for k := i; k < min(i+most, len(groups)); k++ {
			number += run[groups[k][0]:groups[k][1]]
			if realNumberLike.MatchString(number) && grouped(run[groups[i][0]:groups[k][1]]) {
				last = k
			}
		}
		if last >= 0 {
			out, at, i = out+run[at:groups[i][0]]+"…", groups[last][1], last
		}
	}
	return out + run[at:]
}

// grouped says whether people write a number in such groups. Dots and slashes are in addresses, versions and paths too: with
// these a number has groups of two to four digits, or an area code and the rest.
func grouped(text string) bool {
	if !strings.ContainsAny(text, "./") {
		return true
	}
	groups := digitGroup.FindAllString(text, -1)
	octets, short, long := strings.Count(text, ".") == 3 && len(groups) == 4, true, areaCode.MatchString(groups[0])
	for i, g := range groups {
		octets = octets && octet.MatchString(g)
		short = short && (len(g) >= 2 && len(g) <= 4 || i == 0 && g[0] == '+')
		long = long && (i == 0 || len(g) >= 3)
	}
	return short && !octets || long
}

// oneLine joins the lines of a text.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
