package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mask700/binding"
	"mask700/binding/rule"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/client"
	"mask700/cmd/mask700/config"
	"mask700/media/record/archive"
	"mask700/store"
	"mask700/store/audit"
)

// need is what a command cannot do without.
type need int

const (
	needServer   need = iota // a running server
	needStore                // a server, or a store that is there
	needNewStore             // a server, or a store, which is made as the first start would make it
)

const (
	probeTime = 2 * time.Second        // to see whether a socket is listened on
	lockTime  = 5 * time.Second        // to wait for a server that is starting, or for another command
	lockPause = 100 * time.Millisecond // between two looks
)

// connectOptions say where the server, or else the store, is.
type connectOptions struct {
	config, dataDir, keyFile string
	server, token, ca        string
	flags                    *pflag.FlagSet
}

// addFlags defines them.
func (o *connectOptions) addFlags(fs *pflag.FlagSet) {
	o.flags = fs
	addStoreFlags(fs, &o.config, &o.dataDir, &o.keyFile)
	fs.StringVar(&o.server, "server", "", "server to ask: unix:PATH or https://HOST:PORT (MASK700_SERVER; default the socket in the data directory)")
	fs.StringVar(&o.token, "token-file", "", "file with the token for a server over https (MASK700_TOKEN_FILE)")
	fs.StringVar(&o.ca, "ca-file", "", "certificates (PEM) that the server's must be signed by (MASK700_CA_FILE; default the system's)")
}

// addStoreFlags defines the flags that every command that may open the store has, serve too.
func addStoreFlags(fs *pflag.FlagSet, file, dataDir, keyFile *string) {
	fs.StringVar(file, "config", "", "configuration file (MASK700_CONFIG; default mask700.yaml where it is there)")
	fs.StringVar(dataDir, "data-dir", "", "directory of the store (MASK700_DATA_DIR; default ./mask700-data)")
	fs.StringVar(keyFile, "key-file", "", "file of the store's key, outside the data directory (MASK700_KEY_FILE; default ./mask700.key)")
}

// setting is the value of a flag, or of the environment variable beside it.
func setting(fs *pflag.FlagSet, flag, env string) config.Setting {
	if f := fs.Lookup(flag); f != nil && f.Changed {
		return config.Setting{From: "--" + flag, Value: f.Value.String()}
	}
	if env != "" {
		if v := os.Getenv(env); v != "" {
			return config.Setting{From: env, Value: v}
		}
	}
	return config.Setting{}
}

// storeOverrides are the settings that addStoreFlags defines.
func storeOverrides(fs *pflag.FlagSet) config.Overrides {
	return config.Overrides{
		DataDir: setting(fs, "data-dir", "MASK700_DATA_DIR"),
		KeyFile: setting(fs, "key-file", "MASK700_KEY_FILE"),
	}
}

// configFile is the path of the configuration; empty for the default.
func configFile(fs *pflag.FlagSet) string { return setting(fs, "config", "MASK700_CONFIG").Value }

// session is a client, and what is to be closed with it.
type session struct {
	*client.Client
	db    *store.DB // nil: a server is asked
	audit *audit.Log
}

func (s *session) close() error {
	if s.db == nil {
		return nil
	}
	return errors.Join(s.audit.Close(), s.db.Close())
}

// with runs f with a session.
func (o *connectOptions) with(cmd *cobra.Command, n need, f func(context.Context, *session) error) (err error) {
	s, err := o.connect(cmd.Context(), n, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return f(cmd.Context(), s)
}

// connect finds the server, or else opens the store in this process. Notices go to notice.
func (o *connectOptions) connect(ctx context.Context, n need, notice io.Writer) (*session, error) {
	if server := setting(o.flags, "server", "MASK700_SERVER"); server.From != "" {
		return o.named(server)
	}
	cfg, err := config.Prepare(configFile(o.flags), storeOverrides(o.flags))
	if err != nil {
		return nil, err
	}
	deadline := time.NewTimer(lockTime)
	defer deadline.Stop()
	again := time.NewTicker(lockPause)
	defer again.Stop()
	for {
		up, err := listening(ctx, cfg.AdminSocket())
		switch {
		case err != nil:
			return nil, err
		case up:
			c, err := client.New("unix:"+cfg.AdminSocket(), client.Options{})
			return &session{Client: c}, err
		case n == needServer:
			return nil, noServer(cfg)
		}
		s, err := openStore(cfg, n, notice)
		if !errors.Is(err, store.ErrLocked) {
			return s, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline.C:
			return nil, locked(cfg)
		}
	}
}

// named is the session with a server that was named.
func (o *connectOptions) named(server config.Setting) (*session, error) {
	opts := client.Options{CAFile: setting(o.flags, "ca-file", "MASK700_CA_FILE").Value}
	address := server.Value
	if filepath.IsAbs(address) {
		address = "unix:" + address
	}
	if file := setting(o.flags, "token-file", "MASK700_TOKEN_FILE"); file.Value != "" {
		data, err := os.ReadFile(file.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.From, err)
		}
		opts.Token = strings.TrimSpace(string(data))
	}
	c, err := client.New(address, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", server.From, err)
	}
	return &session{Client: c}, nil
}

// listening reports whether a server listens on a socket; no path is no server.
func listening(ctx context.Context, socket string) (bool, error) {
	if socket == "" {
		return false, nil
	}
	dialer := net.Dialer{Timeout: probeTime}
	conn, err := dialer.DialContext(ctx, "unix", socket)
	switch {
	case err == nil:
		return true, conn.Close()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENOTSOCK):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		return false, fmt.Errorf("%s: not yours to open; run the command as the user that the server runs as", socket)
	}
	return false, fmt.Errorf("%s: the server cannot be reached: %w", socket, errors.Unwrap(err))
}

// openStore opens the store in this process, behind the handlers that the server has.
func openStore(cfg config.Config, n need, notice io.Writer) (*session, error) {
	made := false
	if !store.Exists(cfg.DataDir) {
		if n != needNewStore {
			return nil, fmt.Errorf("no server is running and there is no store in %s; name the server with --server or the directory with --data-dir, "+
				"or begin with `mask700 block add`", cfg.DataDir)
		}
		made = true
	}
	o, err := cfg.Store()
	if err != nil {
		return nil, err
	}
	o.CacheSize = 8 << 20
	db, err := store.Open(o)
	if err != nil {
		return nil, err
	}
	if made {
		fmt.Fprintf(notice, "mask700: made the store %s, its key %s and its data keys %s; keep copies of both elsewhere, the store cannot be read without them\n",
			cfg.DataDir, cfg.Keys.Source(), cfg.Keys.RingFile())
	}
	log, err := audit.Open(cfg.AuditLog(), db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	handler := admin.New(admin.Deps{
		Bindings: &binding.Service{Plan: cfg.Plan(), Store: db},
		Records:  db,
		Bars:     db, TenantTokens: db,
		Rules:      rule.Chain{rule.Tenants{Tenant: db.Tenant}, rule.Bars{Store: db}},
		Texts:      admin.Texts{Off: !cfg.Texts.Enabled, Numbers: string(cfg.Texts.Numbers)},
		Recordings: archive.NewShelf(archive.Options{Dir: cfg.RecordingDir(), Keys: db}),
		Audit:      log,
		Keys:       db,
		Limits:     &admin.Limits{Set: cfg.LimitSet()},
		Eraser:     db, Keeper: db, BackupFiles: cfg.BackupFiles(), Keep: cfg.StoreRetention(), KeepAudit: time.Duration(cfg.Retention.Audit), KeepRecordings: time.Duration(cfg.Recording.Retention),
		Check: db.Check,
	})
	return &session{Client: client.NewInProcess(handler), db: db, audit: log}, nil
}

func noServer(cfg config.Config) error {
	if cfg.AdminSocket() == "" {
		return errors.New("the configuration has the server listen on TCP; name it with --server https://HOST:PORT and --token-file FILE")
	}
	return fmt.Errorf("no server is running on %s; start one with `mask700 serve`, or name it with --server or --data-dir", cfg.AdminSocket())
}

func locked(cfg config.Config) error {
	if cfg.AdminSocket() == "" {
		return fmt.Errorf("the store %s is open in another process; when that is the server, name it with --server https://HOST:PORT and --token-file FILE",
			cfg.DataDir)
	}
	return fmt.Errorf("the store %s is open in another process that does not answer on %s; if the server listens elsewhere, name it with --server",
		cfg.DataDir, cfg.AdminSocket())
}
