package client

import (
	"context"
	"net/http"

	"mask700/cmd/mask700/admin"
)

// Retention says how long what is over is kept, and what the last sweeps deleted.
func (c *Client) Retention(ctx context.Context) ([]admin.RetentionClass, error) {
	var l admin.RetentionList
	err := c.do(ctx, http.MethodGet, "/v1/retention", nil, &l)
	return l.Classes, err
}

// SweepRetention deletes what is over now; it may take long on a large store. A clock that has jumped ahead is believed when
// somebody confirms it.
func (c *Client) SweepRetention(ctx context.Context, confirmClock bool) ([]admin.RetentionClass, error) {
	var l admin.RetentionList
	path := "/v1/retention/sweep"
	if confirmClock {
		path += "?confirm_clock=1"
	}
	err := c.wait(ctx, http.MethodPost, path, nil, &l)
	return l.Classes, err
}
