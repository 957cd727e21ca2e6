package config

import (
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// unmarshalScalar hands the text of a scalar node to set, as it was written: 010 stays 010 and a date stays a date.
// An error of set gets the line of the node.
func unmarshalScalar(node ast.Node, set func(string) error) error {
	text, ok := scalar(node)
	if !ok {
		return errorAt(node, "a single value is expected here")
	}
	if err := set(text); err != nil {
		e := errorAt(node, err.Error())
		e.cause = err
		return e
	}
	return nil
}

// scalar returns the text of a node that holds one value.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// decodeStrict decodes a node into a value, refusing unknown keys.
func decodeStrict(node ast.Node, into any) error {
	return yaml.NodeToValue(node, into, yaml.Strict())
}

// errorAt is an error at the place of a node.
func errorAt(node ast.Node, text string) *Error {
	e := &Error{Text: text, Key: plainPath(keyOf(node.GetPath()))}
	if line := spotOf(node.GetToken()).line; line > 0 {
		e.Lines = []int{line}
	}
	return e
}

// keyOf turns the library's path "$.sip.listen[0].bind" into the key "sip.listen[0].bind".
func keyOf(path string) string {
	switch {
	case len(path) > 2 && path[:2] == "$.":
		return path[2:]
	case len(path) > 1 && path[:2] == "$[":
		return path[1:]
	}
	return ""
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
