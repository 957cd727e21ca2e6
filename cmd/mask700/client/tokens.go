package client

import (
	"context"
	"net/http"
	"net/url"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

// AddToken makes a token of a tenant. The answer has it, this once.
func (c *Client) AddToken(ctx context.Context, tenant string, r admin.TokenRequest) (admin.NewTenantToken, error) {
	var t admin.NewTenantToken
	err := c.do(ctx, http.MethodPost, tenantPath(tenant, "/tokens"), r, &t)
	return t, err
}

// Tokens lists the tokens of a tenant; "": of all.
func (c *Client) Tokens(ctx context.Context, tenant string) ([]binding.TenantToken, error) {
	path := "/v1/tokens"
	if tenant != "" {
		path += "?tenant=" + url.QueryEscape(tenant)
	}
	var l admin.TokenList
	err := c.do(ctx, http.MethodGet, path, nil, &l)
	return l.Tokens, err
}

// RevokeToken has a token let nobody in any more.
func (c *Client) RevokeToken(ctx context.Context, id string) (binding.TenantToken, error) {
	var t binding.TenantToken
	err := c.do(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, &t)
	return t, err
}
