package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

// AddBar puts an entry on a block list.
func (c *Client) AddBar(ctx context.Context, r binding.BarRequest) (binding.BarView, error) {
	var v binding.BarView
	err := c.do(ctx, http.MethodPost, "/v1/blocklist", r, &v)
	return v, err
}

// RemoveBar removes an entry.
func (c *Client) RemoveBar(ctx context.Context, id string) (binding.BarView, error) {
	var v binding.BarView
	err := c.do(ctx, http.MethodDelete, "/v1/blocklist/"+id, nil, &v)
	return v, err
}

// Bars returns a page of entries.
func (c *Client) Bars(ctx context.Context, q admin.BarQuery) (admin.BarPage, error) {
	var p admin.BarPage
	err := c.do(ctx, http.MethodPost, "/v1/blocklist/query", q, &p)
	return p, err
}

// BatchBars adds the rows, at most admin.MaxBatchRows of them, each a JSON object on one line, and returns a result for
// each.
func (c *Client) BatchBars(ctx context.Context, rows [][]byte) ([]admin.BarResult, error) {
	resp, err := c.send(ctx, http.MethodPost, "/v1/blocklist/batch", "application/jsonl", bytes.Join(rows, []byte("\n")))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	results := make([]admin.BarResult, 0, len(rows))
	for d := json.NewDecoder(resp.Body); len(results) < len(rows); {
		var r admin.BarResult
		if err := d.Decode(&r); err != nil {
			return results, c.garbled(err)
		}
		results = append(results, r)
	}
	return results, nil
}
