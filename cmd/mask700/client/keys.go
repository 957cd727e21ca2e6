package client

import (
	"context"
	"net/http"

	"mask700/cmd/mask700/admin"
	"mask700/store"
)

// Keys lists the data keys of the store, without the keys themselves.
func (c *Client) Keys(ctx context.Context) ([]store.DataKey, error) {
	var l admin.KeyList
	err := c.do(ctx, http.MethodGet, "/v1/keys", nil, &l)
	return l.Keys, err
}

// RotateKeys has new rows sealed under new data keys, or all keys wrapped under a new master key.
func (c *Client) RotateKeys(ctx context.Context, r admin.RotateRequest) (admin.Rotated, error) {
	var done admin.Rotated
	err := c.wait(ctx, http.MethodPost, "/v1/keys/rotate", r, &done)
	return done, err
}

// DestroyKeys destroys data keys, and with them all that they sealed, in copies too.
func (c *Client) DestroyKeys(ctx context.Context, r admin.DestroyRequest) (admin.Destroyed, error) {
	var done admin.Destroyed
	err := c.wait(ctx, http.MethodPost, "/v1/keys/destroy", r, &done)
	return done, err
}
