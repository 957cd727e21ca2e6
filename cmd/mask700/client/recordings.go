package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"mask700/cmd/mask700/admin"
	"mask700/media/record"
	"mask700/media/record/archive"
	"mask700/store/audit"
)

// Recordings calls each for every recording that is there, oldest day first.
func (c *Client) Recordings(ctx context.Context, each func(archive.Info) error) error {
	return lines(ctx, c, "/v1/recordings", each)
}

// Exported is what was said of a recording that was exported.
type Exported struct {
	State string // "whole", "cut" or "damaged"
	Lost  uint64 // packets that were not recorded, because the disk was too slow
	Bytes int64
}

// ExportRecording writes a recording as a sound file or as a packet capture. The reason goes into the audit log. Whatever was written is to be
// thrown away after an error.
func (c *Client) ExportRecording(ctx context.Context, id, reason string, as record.Format, w io.Writer) (Exported, error) {
	body, err := json.Marshal(admin.ExportRequest{Reason: reason, Format: as.String()})
	if err != nil {
		return Exported{}, err
	}
	resp, err := c.send(ctx, http.MethodPost, "/v1/recordings/"+url.PathEscape(id)+"/export", "application/json", body)
	if err != nil {
		return Exported{}, err
	}
	defer resp.Body.Close()
	e := Exported{State: resp.Header.Get(admin.HeaderState)}
	if e.Lost, err = strconv.ParseUint(resp.Header.Get(admin.HeaderLost), 10, 64); err != nil {
		return e, c.garbled(err)
	}
	size, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64)
	if err != nil {
		return e, c.garbled(err)
	}
	out := &counted{w: w}
	if _, err = io.Copy(out, resp.Body); out.err != nil {
		return e, out.err
	}
	if err != nil || out.n != size {
		return e, c.garbled(err)
	}
	e.Bytes = size
	return e, nil
}

// counted counts what is written, and keeps the error of its writer apart from those of the answer.
type counted struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.err = err
	return n, err
}

// Audit calls each for every entry of the audit log, in order.
func (c *Client) Audit(ctx context.Context, each func(audit.Entry) error) error {
	return lines(ctx, c, "/v1/audit", each)
}

// VerifyAudit has the whole audit log checked, and that a line is in it which was noted earlier; the zero value: none was.
func (c *Client) VerifyAudit(ctx context.Context, known admin.VerifyRequest) (admin.AuditReport, error) {
	var r admin.AuditReport
	var in any
	if known != (admin.VerifyRequest{}) {
		in = known
	}
	err := c.wait(ctx, http.MethodPost, "/v1/audit/verify", in, &r)
	return r, err
}

// lines reads an answer that is an object a line.
func lines[T any](ctx context.Context, c *Client, path string, each func(T) error) error {
	resp, err := c.send(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	return objects(ctx, c, resp, each)
}

// objects reads what comes of such an answer.
func objects[T any](ctx context.Context, c *Client, resp *http.Response, each func(T) error) error {
	defer resp.Body.Close()
	for d := json.NewDecoder(bufio.NewReader(resp.Body)); ; {
		var v T
		switch err := d.Decode(&v); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.garbled(err)
		}
		if err := each(v); err != nil {
			return err
		}
	}
}
