// Package examples holds the configurations that `mask700 config example` prints. They are compiled in, so that a
// binary alone can explain how it is connected.
package examples

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed mask700.yaml
var gateway string

//go:embed kamailio.cfg
var kamailio string

//go:embed pjsip.conf
var pjsip string

//go:embed extensions.conf
var extensions string

// Names are the names that Get knows, in the order of the alphabet.
func Names() []string { return []string{"asterisk", "kamailio", "mask700"} }

// Get returns the text of an example. That of kamailio and of mask700 is one file, to be used as it is; that of
// asterisk is two, each under a comment with its name. Another name is an error that says which there are.
func Get(name string) (string, error) {
	switch name {
	case "mask700":
		return gateway, nil
	case "kamailio":
		return kamailio, nil
	case "asterisk":
		return "; ======== pjsip.conf ========\n\n" + pjsip + "\n; ======== extensions.conf ========\n\n" + extensions, nil
	}
	return "", fmt.Errorf("no such example; there are %s", strings.Join(Names(), ", "))
}
