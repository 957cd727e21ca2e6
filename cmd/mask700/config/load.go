package config

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile is the largest file that is read, bytes. Hundreds of trunks fit.
const maxFile = 1 << 20

// Load reads a file over the defaults. The result is not yet validated: flags may still override it.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		text := "cannot be read; check its permissions"
		if errors.Is(err, fs.ErrNotExist) {
			text = "there is no such file; name one with --config, or leave the flag out to run on the defaults"
		}
		return Config{}, &Error{File: path, Text: text, cause: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, &Error{File: path, Text: "cannot be read; it must be a plain file", cause: err}
	}
	if len(data) > maxFile {
		return Config{}, &Error{File: path, Text: "larger than 1 MiB; is it the right file?"}
	}
	return Parse(path, data)
}

// Parse reads the text of a file over the defaults; name is what errors call it.
func Parse(name string, data []byte) (Config, error) {
	c := Default()
	w := &walker{lines: make(map[string]int), keys: make(map[spot]string)}
	c.file, c.lines = name, w.lines
	named := func(err error) error {
		e := translate(err)
		e.File = name
		if e.Key == "" {
			e.Key = w.keys[e.at]
		}
		return e
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Config{}, named(err)
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return Config{}, named(errorAt(doc.Body, "a second document begins here; a configuration is one"))
		}
		body = doc.Body
	}
	if body == nil {
		return c, nil
	}
	ast.Walk(w, body)
	if w.err != nil {
		return Config{}, named(w.err)
	}
	if err := decodeStrict(body, &c); err != nil {
		return Config{}, named(err)
	}
	return c, nil
}

// spot is a place in the file; the zero value is none.
type spot struct{ line, column int }

// spotOf returns where a token stands.
func spotOf(tk *token.Token) spot {
	if tk == nil || tk.Position == nil {
		return spot{}
	}
	return spot{tk.Position.Line, tk.Position.Column}
}

// walker notes the line of every key and refuses what a configuration has no use for: aliases, which can blow a
// small file up to any size, tags, and a key without a value, which would silently be the default or nothing.
type walker struct {
	lines map[string]int  // line of each key
	keys  map[spot]string // key of each place, for an error that knows its place alone
	err   *Error
}

func (w *walker) Visit(node ast.Node) ast.Visitor {
	if w.err != nil {
		return nil
	}
	key := keyOf(node.GetPath())
	switch n := node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		w.err = errorAt(node, "anchors, aliases and tags are not read here; write the value out")
		return nil
	case *ast.MappingValueNode:
		if _, text := n.Key.(*ast.StringNode); !text {
			w.err = errorAt(n.Key, "unknown key; `mask700 config show` lists every key")
			w.err.Key = ""
			return nil
		}
		if _, empty := n.Value.(*ast.NullNode); empty {
			w.err = errorAt(n.Key, "the key has no value; write one, or leave the key out for its default")
			w.err.Key = plainPath(key)
			return nil
		}
	}
	if key = plainPath(key); key != "" {
		if _, known := w.lines[key]; !known {
			w.lines[key] = spotOf(node.GetToken()).line
		}
		if at := spotOf(node.GetToken()); w.keys[at] == "" {
			w.keys[at] = key
		}
	}
	return w
}
