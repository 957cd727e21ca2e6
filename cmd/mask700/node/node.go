// Package node is a running server: it opens what a configuration names, joins
// it, and ends it in order.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/config"
	"mask700/crash"
	"mask700/media"
	"mask700/media/record/archive"
	"mask700/sip/call"
	"mask700/sip/gateway"
	"mask700/sip/transport"
	"mask700/store"
	"mask700/store/audit"
)

// lockWait is how long a start waits for a command that has the store open.
const lockWait = 5 * time.Second

// adminWait is how long requests to the admin interface may take to end.
const adminWait = 2 * time.Second

// pingInterval keeps the connections that we made alive: it is below the two minutes that RFC 5626 section 4.4.1 gives
// them at most.
const pingInterval = 90 * time.Second

// Node is a server between its start and its end.
type Node struct {
	version string
	log     *slog.Logger
	level   *slog.LevelVar
	db      *store.DB
	service *binding.Service
	gateway *gateway.Gateway

	platforms    platforms
	limits       limits
	recordings   *archive.Archive
	audit        *audit.Log
	sweeping     sync.WaitGroup
	stopSweeping context.CancelFunc
	upkeep       sync.WaitGroup
	stock        stockWatch
	ranges       rangeWatch
	stopUpkeep   context.CancelFunc
	swept        atomic.Uint64 // recordings deleted
	clockAhead   atomic.Int64  // by so much what deletes does not believe the clock, in nanoseconds

	retention     sync.WaitGroup
	stopRetention context.CancelFunc

	admin  *http.Server
	hangUp context.CancelFunc // ends the requests of admin
	socket net.Listener
	doors  []served      // other interfaces
	drain  chan struct{} // closed when draining begins
	once   sync.Once

	path     string // where media is relayed, in words
	userOnly string // why the kernel does not relay any; empty: it does

	settings struct {
		sync.Mutex // protects what follows
		config     config.Config
	}
}

// Run serves until ctx ends, a signal says so, or draining is over. SIGTERM and
// SIGINT drain, a second one ends at once; SIGHUP reloads. What people read
// goes to out, the log to standard error.
func Run(ctx context.Context, cfg config.Config, version string, out io.Writer) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)

	n, err := Start(ctx, cfg, version, os.Stderr)
	if err != nil {
		return err
	}
	defer n.Close()
	n.announce(out)
	n.log.Info("ready")
	return n.wait(ctx, signals)
}

// Start opens everything. The log goes to logs.
func Start(ctx context.Context, cfg config.Config, version string, logs io.Writer) (*Node, error) {
	n := &Node{version: version, level: new(slog.LevelVar), drain: make(chan struct{})}
	n.settings.config = cfg
	n.level.Set(cfg.Log.Level.Slog())
	n.log = logger(cfg, n.level, logs)
	if err := n.start(ctx, cfg); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

func logger(cfg config.Config, level *slog.LevelVar, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// closeAbandoned closes the records of calls that a restart cut off. One that is damaged is no reason not to start: it would be
// none to start ever again.
func closeAbandoned(do func(now time.Time) (int, error), log *slog.Logger) error {
	closed, err := do(time.Now())
	if errors.Is(err, store.ErrCorrupt) {
		log.Error("not all records of calls that a restart cut off could be read; check names them", "error", err)
	} else if err != nil {
		return fmt.Errorf("closing the records of calls that a restart cut off: %w", err)
	}
	if closed > 0 {
		log.Warn("records of calls that a restart cut off are closed", "calls", closed)
	}
	return nil
}

func (n *Node) start(ctx context.Context, cfg config.Config) (err error) {
	for _, w := range cfg.Warnings() {
		n.log.Warn("configuration", "warning", w)
	}
	o, err := cfg.Store()
	if err != nil {
		return err
	}
	o.Logger = n.log
	if n.db, err = openStore(ctx, o); err != nil {
		return err
	}
	if err := closeAbandoned(n.db.CloseAbandoned, n.log); err != nil {
		return err
	}
	n.service = &binding.Service{Plan: cfg.Plan(), Store: n.db, Now: time.Now, Random: rand.Reader}
	n.ranges.plan = cfg.Plan()
	if err := n.warnOfStrays(ctx); err != nil {
		return err
	}
	if err := n.startRecordings(ctx, cfg); err != nil {
		return err
	}
	if err := n.startPlatforms(cfg); err != nil {
		return err
	}
	if err := n.startLimits(ctx, cfg); err != nil {
		return err
	}
	if err := n.startGateway(cfg); err != nil {
		return err
	}
	n.startUpkeep(ctx)
	n.startRetention(ctx, cfg)
	return n.startAdmin(ctx, cfg)
}

// openStore waits a little for a command that has the store open itself.
func openStore(ctx context.Context, o store.Options) (*store.DB, error) {
	deadline := time.NewTimer(lockWait)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		db, err := store.Open(o)
		if !errors.Is(err, store.ErrLocked) {
			return db, err
		}
		select {
		case <-again.C:
		case <-deadline.C:
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (n *Node) startGateway(cfg config.Config) error {
	sockets, err := listeners(cfg)
	if err != nil {
		return err
	}
	authorities, err := roots(cfg)
	if err != nil {
		return err
	}
	trunks := cfg.TrunkList()
	if err := cfg.ReadPasswords(trunks); err != nil {
		return err
	}
	clips, err := cfg.LoadPrompts()
	if err != nil {
		return err
	}
	n.gateway, err = gateway.Start(gateway.Options{
		Listeners: sockets, Transport: transport.Options{Logger: n.log, PingInterval: pingInterval},
		Trunks: trunks, Roots: authorities, Records: records(cfg), Plan: cfg.Plan(),
		Leaked: n.leaked, Slide: n.service.Slide, RingTimeout: time.Duration(cfg.SIP.RingTimeout), TurnTimeout: time.Duration(cfg.SIP.TurnTimeout),
		Texts: call.Texts{On: cfg.Texts.Enabled, Longest: cfg.Texts.MaxBytes, Numbers: cfg.Texts.Numbers.Policy()}, DrainTime: time.Duration(cfg.SIP.DrainTime),
		Prompts:  prompts(cfg, clips),
		Bindings: n.db, Calls: n.db, Remote: n.platforms.remote, Rules: n.rules(), Journal: n.db.Journal(), Recordings: n.recordings, Notice: notice(cfg, clips), Logger: n.log,
		Media: func(on gateway.MediaEvents) (media.Engine, error) {
			inKernel, err := n.offload(cfg)
			if err != nil {
				return nil, err
			}
			relay, err := media.NewRelay(media.Options{Pools: pools(cfg), Shards: int(cfg.Media.Shards), OnTimeout: on.Silent, OnSource: on.Source, OnKey: on.Key, Kernel: inKernel, Ledger: filepath.Join(cfg.DataDir, config.PortLedger)})
			if err != nil && inKernel != nil {
				err = errors.Join(err, inKernel.Close())
			}
			return relay, err
		},
	})
	return err
}

func (n *Node) startAdmin(ctx context.Context, cfg config.Config) (err error) {
	deps := admin.Deps{Bindings: n.service, Records: n.db, Bars: n.db, TenantTokens: n.db, Calls: n.db, Remote: n.platforms.remote, Rules: n.rules(), Texts: texts(cfg), Recordings: n.recordings.Shelf, Audit: n.audit, Keys: n.db, Limits: &admin.Limits{Set: n.limits.set, Use: n.limits.use}, Keeper: n.db, Eraser: n.db, BackupFiles: cfg.BackupFiles(), Keep: cfg.StoreRetention(), KeepAudit: time.Duration(cfg.Retention.Audit), KeepRecordings: time.Duration(cfg.Recording.Retention), Check: n.db.Check, Node: n, Logger: n.log}
	if path := cfg.AdminSocket(); path != "" {
		n.socket, err = admin.ListenUnix(path)
	} else {
		for _, t := range cfg.Admin.Tokens {
			token, err := admin.ReadToken(t.Name, t.File)
			if err != nil {
				return err
			}
			token.Reveal = t.Reveal
			deps.Tokens = append(deps.Tokens, token)
		}
		certificate, err := cfg.Admin.TLS.Load()
		if err != nil {
			return fmt.Errorf("admin.tls: %w", err)
		}
		if n.socket, err = admin.ListenTCP(cfg.Admin.Listen.String(), certificate); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	ctx, n.hangUp = context.WithCancel(ctx)
	n.admin = admin.NewServer(ctx, admin.New(deps), n.log)
	go crash.Guard(func() { n.serve(n.admin, n.socket, "operators") })()
	return n.startTenants(ctx, cfg, deps)
}

// texts is what explanations are told of the configuration.
func texts(cfg config.Config) admin.Texts {
	return admin.Texts{Off: !cfg.Texts.Enabled, Numbers: string(cfg.Texts.Numbers)}
}

// announce says what the server listens on and what to type next.
func (n *Node) announce(out io.Writer) {
	cfg := n.settings.config
	for i, l := range cfg.SIP.Listen {
		fmt.Fprintf(out, "sip    %s:%s\n", l.Bind.Network, n.gateway.Addr(i))
	}
	for _, p := range cfg.Media.Pools {
		where := "the address toward each peer"
		if p.Address.IsValid() {
			where = p.Address.String()
		}
		fmt.Fprintf(out, "media  udp ports %s on %s\n", p.Ports, where)
	}
	fmt.Fprintf(out, "media  relayed in %s\n", n.path)
	fmt.Fprintf(out, "admin  %s\n", n.socket.Addr())
	for _, d := range n.doors {
		fmt.Fprintf(out, "admin  %s, for tenants\n", d.socket.Addr())
	}
	fmt.Fprintf(out, "data   %s, key %s, data keys %s (keep copies of both elsewhere: nothing can be read without them)\n", cfg.DataDir, cfg.Keys.Source(), cfg.Keys.RingFile())
	switch blocks, err := n.db.Blocks(context.Background()); {
	case err == nil && len(blocks) == 0:
		fmt.Fprintln(out, "next   hold a block of numbers:  mask700 block add 70010000001")
	case len(cfg.Trunks) == 0:
		fmt.Fprintln(out, "next   no trunk is configured, so no call can come in: start with --trunk sip:HOST:PORT or a configuration file")
	default:
		fmt.Fprintln(out, "next   bind a pair:  mask700 binding create --mode axb --a - --b NUMBER --order ORDER --ttl 2h")
	}
}

// wait serves until the end.
func (n *Node) wait(ctx context.Context, signals <-chan os.Signal) error {
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGHUP {
				if err := n.Reload(ctx); err != nil {
					n.log.Error("not reloaded", "error", err)
				}
				continue
			}
			n.begin()
		case <-ctx.Done():
			n.begin()
		case <-n.drain:
			n.log.Info("draining", "limit", n.config().SIP.DrainTime.String())
			atOnce, cancel := context.WithCancel(context.Background())
			go func() {
				defer crash.Door()
				for s := range signals {
					if s != syscall.SIGHUP {
						cancel()
						return
					}
				}
			}()
			n.gateway.Drain(atOnce)
			cancel()
			n.log.Info("stopped")
			return nil
		}
	}
}

// begin starts draining, once.
func (n *Node) begin() { n.once.Do(func() { close(n.drain) }) }

func (n *Node) config() config.Config {
	n.settings.Lock()
	defer n.settings.Unlock()
	return n.settings.config
}

// Close ends everything at once. It may be called on a node that is only partly
// started.
func (n *Node) Close() {
	if n.admin != nil {
		// A list that is followed notes in the audit log what it has shown, and that is open no longer than this.
		n.hangUp()
		ctx, cancel := context.WithTimeout(context.Background(), adminWait)
		n.closeDoors(ctx)
		_ = n.admin.Shutdown(ctx)
		cancel()
		_ = n.admin.Close() // what is left ends with us
	} else if n.socket != nil {
		n.socket.Close()
	}
	if n.gateway != nil {
		n.gateway.Close()
	}
	n.platforms.close()
	n.limits.close()
	n.closeRetention()
	n.closeRecordings()
	n.closeUpkeep()
	if n.db != nil {
		if err := n.db.Close(); err != nil {
			n.log.Error("the store was not closed cleanly", "error", err)
		}
	}
}
