package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"mask700/crash"
)

// inProcess is an http.RoundTripper that calls a handler in its own goroutine and gives back what it writes as it
// writes it, as a connection would.
type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	body, writer := io.Pipe()
	w := &pipeWriter{header: make(http.Header), writer: writer, begun: make(chan struct{})}
	in := req.Clone(ctx)
	in.RequestURI = req.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	go func() {
		defer crash.Door()
		defer cancel()
		// net/http keeps a server alive through a panic of a handler; here the command is told instead.
		defer func() {
			if recover() != nil {
				w.WriteHeader(http.StatusInternalServerError)
				writer.CloseWithError(errors.New("the handler failed"))
			}
		}()
		t.handler.ServeHTTP(w, in)
		in.Body.Close()
		w.WriteHeader(http.StatusOK)
		writer.Close()
	}()
	select {
	case <-w.begun:
	case <-req.Context().Done():
		cancel()
		body.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
	stop := context.AfterFunc(ctx, func() {
		defer crash.Door()
		if err := req.Context().Err(); err != nil {
			writer.CloseWithError(err)
		}
	})
	return &http.Response{
		Status:        http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.sent,
		Body:          &pipeBody{body, func() { stop(); cancel() }},
		ContentLength: -1,
		Request:       req,
	}, nil
}

// pipeWriter is the http.ResponseWriter of a handler in the own process.
type pipeWriter struct {
	header http.Header
	writer *io.PipeWriter
	begun  chan struct{} // closed when status and sent are set
	once   sync.Once
	status int
	sent   http.Header
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.writer.Write(b)
}

// Flush sends the header; what is written is with the reader at once.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }

// pipeBody ends the request when its reader has enough.
type pipeBody struct {
	*io.PipeReader
	end func()
}

func (b *pipeBody) Close() error {
	b.end()
	return b.PipeReader.Close()
}
