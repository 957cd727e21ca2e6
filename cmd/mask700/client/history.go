package client

import (
	"context"
	"encoding/json"
	"net/http"

	"mask700/cmd/mask700/admin"
)

// History calls each for every stretch of time in which what is asked about was held, those that began last first, and where
// they are asked for, then for the calls and texts of an order. The last line says whether there is more. A search
// by a number needs a reason (Because, Revealing).
func (c *Client) History(ctx context.Context, q admin.HistoryRequest, each func(admin.HistoryLine) error) error {
	path := "/v1/history"
	if q.Number != "" {
		path = "/v1/history/number"
	}
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	resp, err := c.send(ctx, http.MethodPost, path, "application/json", body)
	if err != nil {
		return err
	}
	return objects(ctx, c, resp, each)
}
