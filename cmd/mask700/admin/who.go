package admin

import (
	"context"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// whoKey is the key of who asks in a request's context.
type whoKey struct{}

// who is who asks, as the audit log says it: the name of the token, or the local user.
func who(ctx context.Context) string {
	if s, ok := ctx.Value(whoKey{}).(string); ok {
		return s
	}
	// No connection: a command that has opened the store in its own process.
	return fmt.Sprintf("local uid %d", os.Getuid())
}

func withWho(ctx context.Context, s string) context.Context {
	return context.WithValue(ctx, whoKey{}, s)
}

// localUser notes which user is at the other end of a unix socket.
func localUser(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	s := "local uid unknown"
	if raw, err := u.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { // it fails when the connection is gone; then nobody asks
			if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
				s = fmt.Sprintf("local uid %d", cred.Uid)
			}
		})
	}
	return withWho(ctx, s)
}
