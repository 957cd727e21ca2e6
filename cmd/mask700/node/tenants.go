package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/config"
	"mask700/crash"
)

// served is an interface and where it is served.
type served struct {
	server *http.Server
	socket net.Listener
}

// startTenants serves the interface for tenants, where it is configured.
func (n *Node) startTenants(ctx context.Context, cfg config.Config, deps admin.Deps) error {
	if !cfg.Admin.Tenants.Listen.IsValid() {
		return nil
	}
	certificate, err := cfg.Admin.TenantCertificate().Load()
	if err != nil {
		return fmt.Errorf("admin.tenants.tls: %w", err)
	}
	socket, err := admin.ListenTCP(cfg.Admin.Tenants.Listen.String(), certificate)
	if err != nil {
		return fmt.Errorf("admin.tenants.listen: %w", err)
	}
	door := admin.TenantDoor{Tokens: n.db, PerSecond: cfg.Admin.Tenants.RequestsPerSecond}
	d := served{admin.NewServer(ctx, admin.NewTenants(deps, door), n.log), socket}
	n.doors = append(n.doors, d)
	go crash.Guard(func() { n.serve(d.server, d.socket, "tenants") })()
	return nil
}

// serve serves an interface until it is closed.
func (n *Node) serve(s *http.Server, l net.Listener, whose string) {
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		n.log.Error("the admin interface ended", "for", whose, "error", err)
	}
}

// closeDoors ends the other interfaces, whose requests have been told to end.
func (n *Node) closeDoors(ctx context.Context) {
	for _, d := range n.doors {
		_ = d.server.Shutdown(ctx)
		_ = d.server.Close() // what is left ends with us
	}
}
