package client

import (
	"context"
	"net/http"

	"mask700/cmd/mask700/admin"
)

// Backup has the server copy its store; with a check it may take minutes.
func (c *Client) Backup(ctx context.Context, r admin.BackupRequest) (admin.BackupResult, error) {
	var made admin.BackupResult
	err := c.wait(ctx, http.MethodPost, "/v1/backup", r, &made)
	return made, err
}
