package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is Debian's Redis with an append-only file that is synced before each answer.
type redisServer struct {
	dir, socket string
	cmd         *exec.Cmd
	client      *redis.Client
	vault       *vault
}

func startRedis(ctx context.Context, dir string, _ options) (engine, error) {
	v, err := newVault()
	if err != nil {
		return nil, err
	}
	e := &redisServer{dir: dir, socket: filepath.Join(dir, "socket"), vault: v}
	e.client = redis.NewClient(&redis.Options{Network: "unix", Addr: e.socket, PoolSize: 512, ReadTimeout: time.Minute})
	return e, e.start(ctx)
}

func (e *redisServer) start(ctx context.Context) error {
	log, err := os.Create(filepath.Join(e.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	data := filepath.Join(e.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	e.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", e.socket, "--dir", data, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no")
	e.cmd.Stdout, e.cmd.Stderr = log, log
	if err := e.cmd.Start(); err != nil {
		return err
	}
	return answers(ctx, func() error { return e.client.Ping(ctx).Err() })
}

// answers waits until a server does.
func answers(ctx context.Context, ask func() error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(5 * time.Minute)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}

// put writes a binding: the row on its number, the number of its id, the indexes of parties and order, its expiry.
func (e *redisServer) put(ctx context.Context, p redis.Pipeliner, r row) {
	x := strconv.FormatUint(r.x, 36)
	p.Set(ctx, "x"+x, r.sealed, 0)
	p.Set(ctx, "i"+r.id, x, 0)
	p.SAdd(ctx, "n"+string(r.a), r.id)
	p.SAdd(ctx, "n"+string(r.b), r.id)
	p.SAdd(ctx, "o"+string(r.order), r.id)
	p.ZAdd(ctx, "expiry", redis.Z{Score: float64(r.until), Member: r.id})
}

func (e *redisServer) bind(ctx context.Context, n int) error {
	r := e.vault.row(n)
	_, err := e.client.TxPipelined(ctx, func(p redis.Pipeliner) error { e.put(ctx, p, r); return nil })
	return err
}

func (e *redisServer) prepare(context.Context, int) error { return nil }

func (e *redisServer) load(ctx context.Context, from, to int) error {
	const batch = 1000
	return inParallel(4, from/batch, (to+batch-1)/batch, func(k int) error {
		_, err := e.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for n := k * batch; n < min(to, (k+1)*batch); n++ {
				e.put(ctx, p, e.vault.row(n))
			}
			return nil
		})
		return err
	})
}

func (e *redisServer) lookup(ctx context.Context, n int) (bool, error) {
	x := uint64(numberOf(n))
	sealed, err := e.client.Get(ctx, "x"+strconv.FormatUint(x, 36)).Bytes()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, e.vault.open(x, sealed)
}

// settle lets a rewrite of the file end that is going on.
func (e *redisServer) settle(ctx context.Context) error {
	return answers(ctx, func() error {
		info, err := e.client.Info(ctx, "persistence").Result()
		if err == nil && strings.Contains(info, "aof_rewrite_in_progress:1") {
			err = errors.New("it rewrites its file")
		}
		return err
	})
}

func (e *redisServer) size() (int64, error) { return sizeOf(filepath.Join(e.dir, "data")) }

func (e *redisServer) memory() (int64, error) { return residentOf(e.cmd.Process.Pid) }

func (e *redisServer) again(ctx context.Context) (time.Duration, error) {
	if err := e.cmd.Process.Kill(); err != nil {
		return 0, err
	}
	_ = e.cmd.Wait() // says that it was killed
	begun := time.Now()
	err := e.start(ctx)
	return time.Since(begun), err
}

func (e *redisServer) close() error {
	err := errors.Join(e.client.Close(), e.cmd.Process.Kill())
	_ = e.cmd.Wait() // says that it was killed
	return err
}
