package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// errBencode says that a message of the ng protocol cannot be read.
var errBencode = errors.New("not bencode")

// encode writes a value as bencode: string, int, []string or map[string]any of
// these.
func encode(to []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return append(append(strconv.AppendInt(to, int64(len(v)), 10), ':'), v...), nil
	case int:
		return append(strconv.AppendInt(append(to, 'i'), int64(v), 10), 'e'), nil
	case []string:
		to = append(to, 'l')
		for _, s := range v {
			to, _ = encode(to, s) // a string can always be written
		}
		return append(to, 'e'), nil
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		to = append(to, 'd')
		for _, k := range keys {
			var err error
			to, _ = encode(to, k)
			if to, err = encode(to, v[k]); err != nil {
				return nil, err
			}
		}
		return append(to, 'e'), nil
	}
	return nil, fmt.Errorf("%w: a %T", errBencode, v)
}

// maxDepth bounds how deep lists and dictionaries of an answer may lie in each other.
const maxDepth = 16

// decode reads one value: string, int, []any or map[string]any. Nothing may
// follow it.
func decode(b []byte) (any, error) {
	v, rest, err := decodeValue(b, 0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: %d bytes follow", errBencode, len(rest))
	}
	return v, err
}

func decodeValue(b []byte, depth int) (v any, rest []byte, err error) {
	if len(b) == 0 || depth > maxDepth {
		return nil, nil, errBencode
	}
	switch b[0] {
	case 'i':
		return decodeInt(b[1:], 'e')
	case 'l':
		var list []any
		for b = b[1:]; len(b) > 0 && b[0] != 'e'; list = append(list, v) {
			if v, b, err = decodeValue(b, depth+1); err != nil {
				return nil, nil, err
			}
		}
		if len(b) == 0 {
			return nil, nil, errBencode
		}
		return list, b[1:], nil
	case 'd':
		dict := map[string]any{}
		for b = b[1:]; len(b) > 0 && b[0] != 'e'; {
			var key any
			if key, b, err = decodeValue(b, depth+1); err != nil {
				return nil, nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, nil, errBencode
			}
			if dict[name], b, err = decodeValue(b, depth+1); err != nil {
				return nil, nil, err
			}
		}
		if len(b) == 0 {
			return nil, nil, errBencode
		}
		return dict, b[1:], nil
	}
	n, rest, err := decodeInt(b, ':')
	if err != nil || n < 0 || n > len(rest) {
		return nil, nil, errBencode
	}
	return string(rest[:n]), rest[n:], nil
}

func decodeInt(b []byte, end byte) (int, []byte, error) {
	i := slices.Index(b, end)
	if i < 0 {
		return 0, nil, errBencode
	}
	n, err := strconv.Atoi(string(b[:i]))
	if err != nil {
		return 0, nil, errBencode
	}
	return n, b[i+1:], nil
}
