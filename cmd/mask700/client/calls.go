package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
)

// Blocks returns the blocks held and how their numbers stand.
func (c *Client) Blocks(ctx context.Context) ([]binding.Stock, error) {
	var list admin.BlockList
	err := c.do(ctx, http.MethodGet, "/v1/blocks", nil, &list)
	return list.Blocks, err
}

// AddBlock holds a block, given by its 11 digits, for every tenant that has none of its own.
func (c *Client) AddBlock(ctx context.Context, block string) (binding.BlockState, error) {
	return c.AddBlockFor(ctx, "", block)
}

// AddBlockFor holds a block for a tenant.
func (c *Client) AddBlockFor(ctx context.Context, tenant, block string) (binding.BlockState, error) {
	var state binding.BlockState
	err := c.do(ctx, http.MethodPost, "/v1/blocks", admin.BlockRequest{Block: block, Tenant: tenant}, &state)
	return state, err
}

// SetBlock puts a block into another state: binding.BlockOpen, BlockLocked or BlockDraining.
func (c *Client) SetBlock(ctx context.Context, block binding.Block, state string) (binding.BlockState, error) {
	var now binding.BlockState
	err := c.do(ctx, http.MethodPatch, "/v1/blocks/"+block.String(), admin.BlockChange{State: state}, &now)
	return now, err
}

// LockNumber keeps a number from being bound anew, or opens it again.
func (c *Client) LockNumber(ctx context.Context, x binding.X, locked bool) error {
	return c.do(ctx, http.MethodPatch, "/v1/numbers/"+x.String(), admin.NumberChange{Locked: locked}, nil)
}

// RemoveBlock gives a block up.
func (c *Client) RemoveBlock(ctx context.Context, block binding.Block) error {
	return c.do(ctx, http.MethodDelete, "/v1/blocks/"+block.String(), nil, nil)
}

// CreateBinding makes a binding.
func (c *Client) CreateBinding(ctx context.Context, r binding.Request) (binding.View, error) {
	var v binding.View
	err := c.do(ctx, http.MethodPost, "/v1/bindings", r, &v)
	return v, err
}

// Binding returns the binding of an id.
func (c *Client) Binding(ctx context.Context, id string) (binding.View, error) {
	var v binding.View
	err := c.do(ctx, http.MethodGet, "/v1/bindings/"+url.PathEscape(id), nil, &v)
	return v, err
}

// DeleteBinding takes one bind of the binding of an id back, the last of them unbinds it, and returns it as it now is.
func (c *Client) DeleteBinding(ctx context.Context, id string) (binding.View, error) {
	var v binding.View
	err := c.do(ctx, http.MethodDelete, "/v1/bindings/"+url.PathEscape(id), nil, &v)
	return v, err
}

// DeleteBindingOnce is DeleteBinding under an idempotency key: however often it is sent within a day, one bind is taken back. "": none.
func (c *Client) DeleteBindingOnce(ctx context.Context, id, key string) (binding.View, error) {
	asking := *c
	asking.key = key
	return asking.DeleteBinding(ctx, id)
}

// Bindings calls each for every binding selected, a page after the other; q.Limit bounds them all, 0 does not.
func (c *Client) Bindings(ctx context.Context, q admin.BindingQuery, each func(binding.View) error) error {
	const pageSize = 500
	for left := q.Limit; ; {
		page := admin.BindingPage{}
		q.Limit = pageSize
		if left > 0 {
			q.Limit = min(left, pageSize)
		}
		if err := c.do(ctx, http.MethodPost, "/v1/bindings/query", q, &page); err != nil {
			return err
		}
		for _, v := range page.Bindings {
			if err := each(v); err != nil {
				return err
			}
		}
		if left > 0 {
			if left -= len(page.Bindings); left <= 0 {
				return nil
			}
		}
		if page.Next == "" {
			return nil
		}
		q.After = page.Next
	}
}

// Verbs of Batch.
const (
	BatchCreate = "create"
	BatchDelete = "delete"
	BatchEnd    = "end" // deletes however often something was bound
)

// Batch does the rows, at most admin.MaxBatchRows of them, each a JSON object on one line, and returns a result
// for each.
func (c *Client) Batch(ctx context.Context, verb string, rows [][]byte) ([]admin.BatchResult, error) {
	query := url.Values{"verb": {verb}}
	if verb == BatchEnd {
		query = url.Values{"verb": {BatchDelete}, "all": {"1"}}
	}
	resp, err := c.send(ctx, http.MethodPost, "/v1/bindings/batch?"+query.Encode(), "application/jsonl", bytes.Join(rows, []byte("\n")))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	results := make([]admin.BatchResult, 0, len(rows))
	for d := json.NewDecoder(resp.Body); ; {
		var r admin.BatchResult
		switch err := d.Decode(&r); {
		case errors.Is(err, io.EOF) && len(results) == len(rows):
			return results, nil
		case err != nil:
			return results, c.garbled(err)
		}
		results = append(results, r)
	}
}

// Import takes a piece of an import: JSON objects, one a line, at most admin.MaxImportRows of them and admin.MaxImportBytes, the first of
// which has that number in the import of that name. It can be sent again. each is called for every row that was refused, or for every
// row at all.
func (c *Client) Import(ctx context.Context, name string, first int, rows []byte, all bool, each func(admin.ImportLine) error) (admin.ImportDone, error) {
	query := url.Values{"name": {name}, "row": {strconv.Itoa(first)}}
	if all {
		query.Set("all", "1")
	}
	resp, err := c.send(ctx, http.MethodPost, "/v1/import?"+query.Encode(), "application/jsonl", rows)
	if err != nil {
		return admin.ImportDone{}, err
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(resp.Body); ; {
		var line admin.ImportLine
		switch err := d.Decode(&line); {
		case err != nil:
			return admin.ImportDone{}, c.garbled(err)
		case line.Done != nil:
			return *line.Done, nil
		}
		if err := each(line); err != nil {
			return admin.ImportDone{}, err
		}
	}
}

// Explain says what would become of a call.
func (c *Client) Explain(ctx context.Context, q admin.Question) (admin.Explanation, error) {
	var e admin.Explanation
	err := c.do(ctx, http.MethodPost, "/v1/explain", q, &e)
	return e, err
}

// Calls returns the calls that go on.
func (c *Client) Calls(ctx context.Context) ([]admin.CallView, error) {
	var list admin.CallList
	err := c.do(ctx, http.MethodGet, "/v1/calls", nil, &list)
	return list.Calls, err
}

// Call returns a call that goes on, or one that has ended.
func (c *Client) Call(ctx context.Context, id string) (admin.CallView, error) {
	var v admin.CallView
	err := c.do(ctx, http.MethodGet, "/v1/calls/"+url.PathEscape(id), nil, &v)
	return v, err
}

// Dial asks for a call over a binding, and returns it once its first party is being called.
func (c *Client) Dial(ctx context.Context, r admin.DialRequest) (admin.CallView, error) {
	var v admin.CallView
	err := c.do(ctx, http.MethodPost, "/v1/calls", r, &v)
	return v, err
}

// Hangup ends a call.
func (c *Client) Hangup(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/calls/"+url.PathEscape(id), nil, nil)
}

// RecordQuery selects call records; what is zero does not restrict.
type RecordQuery struct {
	Since, Until time.Time
	AfterSeq     uint64
	Binding      string
	Limit        int
	Follow       bool // wait for more until the context ends
}

// Records calls each for every record selected, in order of seq.
func (c *Client) Records(ctx context.Context, q RecordQuery, each func(cdr.View) error) error {
	v := url.Values{}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if !q.Until.IsZero() {
		v.Set("until", q.Until.Format(time.RFC3339Nano))
	}
	if q.AfterSeq > 0 {
		v.Set("after_seq", strconv.FormatUint(q.AfterSeq, 10))
	}
	if q.Binding != "" {
		v.Set("binding", q.Binding)
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Follow {
		v.Set("follow", "1")
	}
	return lines(ctx, c, "/v1/cdrs?"+v.Encode(), each)
}

// Record returns the call record of an id.
func (c *Client) Record(ctx context.Context, id string) (cdr.View, error) {
	var v cdr.View
	err := c.do(ctx, http.MethodGet, "/v1/cdrs/"+url.PathEscape(id), nil, &v)
	return v, err
}

// Status asks the server what it listens on and carries.
func (c *Client) Status(ctx context.Context) (admin.Status, error) {
	var s admin.Status
	err := c.do(ctx, http.MethodGet, "/v1/status", nil, &s)
	return s, err
}

// Check compares indexes with rows; it may take minutes on a large store.
func (c *Client) Check(ctx context.Context) (admin.CheckReport, error) {
	var r admin.CheckReport
	err := c.wait(ctx, http.MethodPost, "/v1/check", nil, &r)
	return r, err
}

// Drain lets the server take no new calls and end when the last is over.
func (c *Client) Drain(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/drain", nil, nil)
}

// Reload lets the server read its configuration again.
func (c *Client) Reload(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/reload", nil, nil)
}
