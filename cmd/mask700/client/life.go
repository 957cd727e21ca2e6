package client

import (
	"context"
	"net/http"
	"net/url"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

// EndBinding unbinds a binding, however often it was bound, ends its calls, and returns it as it now is.
func (c *Client) EndBinding(ctx context.Context, id string) (admin.HardDelete, error) {
	var v admin.HardDelete
	err := c.do(ctx, http.MethodDelete, "/v1/bindings/"+url.PathEscape(id)+"?hard=1", nil, &v)
	return v, err
}

// UnbindBinding unbinds a binding, however often it was bound, and returns it as it now is. Its calls go on.
func (c *Client) UnbindBinding(ctx context.Context, id string) (binding.View, error) {
	var v binding.View
	err := c.do(ctx, http.MethodDelete, "/v1/bindings/"+url.PathEscape(id)+"?all=1", nil, &v)
	return v, err
}

// UpdateBinding changes parties or terms of a binding and returns it as it now is.
func (c *Client) UpdateBinding(ctx context.Context, id string, u binding.Update) (binding.View, error) {
	var v binding.View
	err := c.do(ctx, http.MethodPatch, "/v1/bindings/"+url.PathEscape(id), u, &v)
	return v, err
}

// ExtendBinding moves the expiry of a binding to a later time and returns it as it now is.
func (c *Client) ExtendBinding(ctx context.Context, id string, e binding.Extension) (binding.View, error) {
	var v binding.View
	err := c.do(ctx, http.MethodPost, "/v1/bindings/"+url.PathEscape(id)+"/extend", e, &v)
	return v, err
}
