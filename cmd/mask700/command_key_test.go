package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestKeys(t *testing.T) {
	d := newDesk(t)
	d.must("block", "add", block)
	d.must("binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "o-1")
	month := time.Now().UTC().Format("2006-01")
	if a := d.run("key", "list"); a.status != 0 || strings.Count(a.out, "default  "+month) != 1 || !strings.Contains(a.out, "in use") {
		t.Errorf("%+v", a)
	}
	d.must("key", "rotate")
	d.must("binding", "create", "--mode", "axb", "--a", "13700000003", "--b", "13700000004", "--order", "o-2")
	if a := d.run("key", "list"); strings.Count(a.out, "default  "+month) != 2 || !strings.Contains(a.out, "seals no new rows") {
		t.Errorf("after a rotation: %+v", a)
	}
	before, err := os.ReadFile("mask700.key")
	if err != nil {
		t.Fatal(err)
	}
	if a := d.run("key", "rotate", "--master"); a.status != 0 || !strings.Contains(a.out, "the master key is now") {
		t.Errorf("%+v", a)
	}
	after, err := os.ReadFile("mask700.key")
	if err != nil || string(before) == string(after) {
		t.Errorf("the key file is as it was: %v", err)
	}
	if a := d.run("binding", "list"); a.status != 0 || strings.Count(a.out, "o-") != 2 {
		t.Errorf("under the new master key: %+v", a)
	}
	if err := os.WriteFile("old.key", before, 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := os.ReadFile("mask700.key.ring")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("old.key.ring", ring, 0o600); err != nil {
		t.Fatal(err)
	}
	d.refuse(1, "another", "binding", "list", "--key-file", "old.key")
	entries := d.run("audit", "list").out
	if strings.Count(entries, "key.rotate") != 2 {
		t.Errorf("the audit log: %s", entries)
	}
}

func TestKeysAreDestroyed(t *testing.T) {
	d := newDesk(t)
	d.must("block", "add", block)
	d.must("binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "o-1")
	next := time.Now().UTC().AddDate(0, 1, 0).Format(time.DateOnly)
	d.refuse(1, "--reason is missing", "key", "destroy", "--all", "--before", next)
	d.refuse(1, "--tenant or --all", "key", "destroy", "--before", next, "--reason", "it is over")
	d.refuse(1, "--before", "key", "destroy", "--all", "--before", "soon", "--reason", "it is over")
	d.refuse(1, "no tenant has this name", "key", "destroy", "--tenant", "nobody", "--before", next, "--reason", "it is over")
	d.refuse(1, "no data key is", "key", "destroy", "--all", "--before", "2020-01-01", "--reason", "it is over")
	d.refuse(1, "live", "key", "destroy", "--all", "--before", next, "--reason", "it is over")
	d.refuse(1, "reads like a subscriber's number", "key", "destroy", "--all", "--before", next, "--reason", "asked by "+numberA)
	id := strings.TrimSpace(d.run("binding", "list", "-o", "json").out)
	id = strings.Split(strings.SplitN(id, "\"id\":\"", 2)[1], "\"")[0]
	d.must("binding", "delete", id)
	if a := d.run("key", "destroy", "--all", "--before", next, "--reason", "it is over"); a.status != 0 || !strings.Contains(a.out, "destroyed") {
		t.Fatalf("%+v", a)
	}
	if a := d.run("binding", "list"); strings.Contains(a.out, "o-1") {
		t.Errorf("it is still there: %+v", a)
	}
	d.refuse(1, "erased", "binding", "get", id)
	if a := d.run("check"); a.status != 0 || !strings.Contains(a.out, "erased with their keys, and not to be read: 1 binding, 0 call records\n  a binding on "+block) {
		t.Errorf("the store is not whole: %+v", a)
	}
	if out := d.run("audit", "list").out; !strings.Contains(out, "key.destroy") || !strings.Contains(out, "it is over") {
		t.Errorf("the audit log: %s", out)
	}
}

func TestAKeyIsMade(t *testing.T) {
	d := newDesk(t)
	d.must("key", "make", "new.key")
	d.refuse(1, "", "key", "make", "new.key")
	d.refuse(1, "reads like a subscriber's number", "key", "make", numberA+".key")
	text, err := os.ReadFile("new.key")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("MASK700_TEST_MASTER", string(text))
	if err := os.WriteFile("env.yaml", []byte("keys: {env: MASK700_TEST_MASTER, ring: ./env.ring}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("block", "add", block, "--config", "env.yaml")
	if os.Getenv("MASK700_TEST_MASTER") != "" {
		t.Error("the master key is still in the environment")
	}
	t.Setenv("MASK700_TEST_MASTER", string(text))
	a := d.run("key", "rotate", "--master", "--config", "env.yaml")
	if a.status != 0 || !strings.Contains(a.out, "put it into the environment variable MASK700_TEST_MASTER before the next start, which deletes") {
		t.Errorf("%+v", a)
	}
	t.Setenv("MASK700_TEST_MASTER", string(text))
	d.refuse(1, "it stands in ./env.ring.next, its place is the environment variable", "block", "list", "--config", "env.yaml")
	if text, err = os.ReadFile("env.ring.next"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MASK700_TEST_MASTER", string(text))
	d.must("block", "list", "--config", "env.yaml")
	if _, err := os.Stat("env.ring.next"); err == nil {
		t.Error("the file of the new key is left")
	}
	if err := os.Remove("env.ring"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MASK700_TEST_MASTER", string(text))
	d.refuse(1, "Put the newest copy of the ring back", "block", "list", "--config", "env.yaml")
}
