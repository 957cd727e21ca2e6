package client

import (
	"context"
	"net/http"
	"net/url"

	"mask700/cmd/mask700/admin"
)

// Limits returns the limits of a tenant, or with no name those that are configured.
func (c *Client) Limits(ctx context.Context, tenant string) (admin.LimitView, error) {
	path := "/v1/limits"
	if tenant != "" {
		path += "/" + url.PathEscape(tenant)
	}
	var v admin.LimitView
	err := c.do(ctx, http.MethodGet, path, nil, &v)
	return v, err
}

// SetLimits changes the limits of a tenant; what r leaves out stays.
func (c *Client) SetLimits(ctx context.Context, tenant string, r admin.LimitRequest) (admin.LimitView, error) {
	var v admin.LimitView
	err := c.do(ctx, http.MethodPost, "/v1/limits/"+url.PathEscape(tenant), r, &v)
	return v, err
}
