package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgres is Debian's PostgreSQL with synchronous_commit, as it comes but for memory and connections.
type postgres struct {
	dir   string
	bin   string
	as    *syscall.Credential // nil: as we are
	cmd   *exec.Cmd
	pool  *pgxpool.Pool
	vault *vault
}

const schema = `CREATE TABLE bindings (x bigint, start bigint, expires bigint, id text, sealed bytea, a bytea, b bytea, o bytea,
	PRIMARY KEY (x, start));
CREATE UNIQUE INDEX ON bindings (id); CREATE INDEX ON bindings (a); CREATE INDEX ON bindings (b);
CREATE INDEX ON bindings (o); CREATE INDEX ON bindings (expires)`

var columns = []string{"x", "start", "expires", "id", "sealed", "a", "b", "o"}

func startPostgres(ctx context.Context, dir string, _ options) (engine, error) {
	v, err := newVault()
	if err != nil {
		return nil, err
	}
	e := &postgres{dir: dir, vault: v}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return nil, errors.New("no PostgreSQL is installed")
	}
	e.bin = slices.Max(found)
	if err := e.own(); err != nil {
		return nil, err
	}
	init := e.command("initdb", "--no-sync", "--auth=trust", "--username=bench", "-D", e.data())
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := e.start(ctx); err != nil {
		return nil, err
	}
	_, err = e.pool.Exec(ctx, schema)
	return e, err
}

func (e *postgres) data() string { return filepath.Join(e.dir, "data") }

// own gives the directory to a user that PostgreSQL runs as: it refuses root.
func (e *postgres) own() error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	e.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return errors.Join(os.Chmod(filepath.Dir(e.dir), 0o755), os.Chown(e.dir, uid, gid))
}

func (e *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(e.bin, name), args...)
	cmd.Dir = e.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: e.as}
	return cmd
}

func (e *postgres) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	e.cmd = e.command("postgres", "-D", e.data(), "-c", "listen_addresses=", "-c", "unix_socket_directories="+e.dir,
		"-c", "max_connections=300", "-c", "shared_buffers=1GB", "-c", "max_wal_size=8GB", "-c", "synchronous_commit=on")
	e.cmd.Stdout, e.cmd.Stderr = log, log
	if err := e.cmd.Start(); err != nil {
		return err
	}
	if e.pool == nil {
		config, err := pgxpool.ParseConfig("host=" + e.dir + " user=bench dbname=postgres")
		if err != nil {
			return err
		}
		config.MaxConns = 280
		if e.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
			return err
		}
	}
	return answers(ctx, func() error { return e.pool.Ping(ctx) })
}

func (e *postgres) bind(ctx context.Context, n int) error {
	r := e.vault.row(n)
	_, err := e.pool.Exec(ctx, `INSERT INTO bindings (x, start, expires, id, sealed, a, b, o) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		int64(r.x), r.start, r.until, r.id, r.sealed, r.a, r.b, r.order)
	return err
}

func (e *postgres) prepare(context.Context, int) error { return nil }

func (e *postgres) load(ctx context.Context, from, to int) error {
	const batch = 20_000
	return inParallel(4, from/batch, (to+batch-1)/batch, func(k int) error {
		first, last := k*batch, min(to, (k+1)*batch)
		_, err := e.pool.CopyFrom(ctx, pgx.Identifier{"bindings"}, columns, pgx.CopyFromSlice(last-first, func(i int) ([]any, error) {
			r := e.vault.row(first + i)
			return []any{int64(r.x), r.start, r.until, r.id, r.sealed, r.a, r.b, r.order}, nil
		}))
		return err
	})
}

func (e *postgres) lookup(ctx context.Context, n int) (bool, error) {
	x := uint64(numberOf(n))
	var sealed []byte
	err := e.pool.QueryRow(ctx, `SELECT sealed FROM bindings WHERE x = $1 ORDER BY start DESC LIMIT 1`, int64(x)).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, e.vault.open(x, sealed)
}

func (e *postgres) settle(ctx context.Context) error {
	if _, err := e.pool.Exec(ctx, "VACUUM ANALYZE bindings"); err != nil {
		return err
	}
	_, err := e.pool.Exec(ctx, "CHECKPOINT")
	return err
}

// size is that of the table and its indexes: the log of a cluster is there from the beginning.
func (e *postgres) size() (n int64, err error) {
	err = e.pool.QueryRow(context.Background(), "SELECT pg_total_relation_size('bindings')").Scan(&n)
	return n, err
}

func (e *postgres) memory() (int64, error) { return residentOf(e.cmd.Process.Pid) }

func (e *postgres) again(ctx context.Context) (time.Duration, error) {
	if err := e.cmd.Process.Signal(syscall.SIGQUIT); err != nil { // at once, without a checkpoint
		return 0, err
	}
	_ = e.cmd.Wait() // says how it ended
	begun := time.Now()
	err := e.start(ctx)
	return time.Since(begun), err
}

func (e *postgres) close() error {
	e.pool.Close()
	err := e.cmd.Process.Signal(syscall.SIGQUIT)
	_ = e.cmd.Wait() // says how it ended
	return err
}
