package client

import (
	"context"
	"net/http"
	"net/url"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

func tenantPath(name, what string) string { return "/v1/tenants/" + url.PathEscape(name) + what }

// Tenants lists the tenants in order of their names.
func (c *Client) Tenants(ctx context.Context) ([]binding.Tenant, error) {
	var l admin.TenantList
	err := c.do(ctx, http.MethodGet, "/v1/tenants", nil, &l)
	return l.Tenants, err
}

// Tenant returns one tenant.
func (c *Client) Tenant(ctx context.Context, name string) (binding.Tenant, error) {
	var t binding.Tenant
	err := c.do(ctx, http.MethodGet, tenantPath(name, ""), nil, &t)
	return t, err
}

// AddTenant adds a tenant.
func (c *Client) AddTenant(ctx context.Context, r admin.TenantRequest) (binding.Tenant, error) {
	var t binding.Tenant
	err := c.do(ctx, http.MethodPost, "/v1/tenants", r, &t)
	return t, err
}

// UpdateTenant changes the settings of a tenant; what r leaves out stays.
func (c *Client) UpdateTenant(ctx context.Context, name string, r admin.TenantRequest) (binding.Tenant, error) {
	var t binding.Tenant
	err := c.do(ctx, http.MethodPost, tenantPath(name, ""), r, &t)
	return t, err
}

// SuspendTenant has calls over a tenant's bindings refused, and new bindings too.
func (c *Client) SuspendTenant(ctx context.Context, name, reason string) (binding.Tenant, error) {
	var t binding.Tenant
	err := c.do(ctx, http.MethodPost, tenantPath(name, "/suspend"), admin.ReasonRequest{Reason: reason}, &t)
	return t, err
}

// ResumeTenant ends that.
func (c *Client) ResumeTenant(ctx context.Context, name string) (binding.Tenant, error) {
	var t binding.Tenant
	err := c.do(ctx, http.MethodPost, tenantPath(name, "/resume"), struct{}{}, &t)
	return t, err
}
