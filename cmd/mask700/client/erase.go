package client

import (
	"context"
	"net/http"

	"mask700/cmd/mask700/admin"
)

// ErasePerson has a subscriber's number taken out of everything that is kept. It takes as long as going through all call
// records does.
func (c *Client) ErasePerson(ctx context.Context, r admin.EraseRequest) (admin.ErasedPerson, error) {
	var done admin.ErasedPerson
	err := c.wait(ctx, http.MethodPost, "/v1/erase", r, &done)
	return done, err
}
