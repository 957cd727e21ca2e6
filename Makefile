# mask700: build, try, test.

GO          ?= go
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS      = -s -w -X main.version=$(VERSION)
FUZZTIME    ?= 20s
IMAGE       ?= mask700:$(VERSION)
BENCH       ?=
# What CI runs is vetted once, and its tests are linked without what only a debugger asks for.
GOTEST       = $(GO) test -vet=off -ldflags=-w

# The compression of the store's tables is that of the release, which has no C: else a C library of a minute's work is
# compiled, once for vet and once more for -race, to test what nobody runs.
export GOFLAGS := $(shell $(GO) env GOFLAGS) -tags=pebblegozstd

# kamailio is in a directory that not every user's PATH names.
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: all build demo test needs format generate generated vet lint unit beside compute interleave million canary leaky e2e bench bench-flood bench-media soak-media leak-media bench-store fuzz image image-prebuilt clean
.DEFAULT_GOAL := build

all: build test

## build: the static binary, ./mask700
build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o mask700 ./cmd/mask700

## demo: a whole masked call on this machine
demo: build
	./mask700 demo

## test: everything that CI runs
test: needs format generated vet lint unit beside

needs:
	@testdata/setup/needs.sh

format:
	@wrong="$$(gofmt -l .)"; if [ -n "$$wrong" ]; then echo "gofmt would change:"; echo "$$wrong"; exit 1; fi

## generate: the program for the kernel, from its C source with Debian's clang-14
generate:
	$(GO) generate ./media/kernel

# What is committed is what its source makes.
generated:
	@GO=$(GO) testdata/setup/generated.sh

vet:
	$(GO) vet ./...

lint:
	$(GO) run $(STATICCHECK) ./...

# A shard has no goroutine for the race detector to watch, and takes a tenth of the time
# without: here it is asked only whether shards side by side share anything. The packages that take longest begin first,
# so that none of them is left for the end, when one processor would have nothing to do.
unit:
	$(GOTEST) -race ./store ./media ./cmd/mask700 $$($(GO) list ./... | grep -v -e /cmd/mask700/e2e -e /sip/shard)
	$(GOTEST) -race -run '^TestInterleavings$$' ./sip/shard

# The real programs wait most of their time; what only computes goes beside them.
beside:
	$(MAKE) -j2 -Otarget e2e compute

compute:
	nice $(MAKE) interleave leaky

# Every call flow, every canary and a million steps of phones against one shard; a
# million calls of the media relay, and a million messages of a quarter of a million
# calls that are searched for what leaks.
interleave:
	$(GOTEST) -count=1 -v -run '^TestInterleavings' ./sip/shard
	$(GOTEST) -count=1 -v -run '^TestAMillionCalls' ./media
	$(GOTEST) -count=1 -v -run '^TestAMillionCalls' ./sip/sentinel -calls 250000
	$(GOTEST) -count=1 -skip '^TestInterleavings' ./sip/shard

## million: the messages of a million calls are searched for what leaks; nothing is found, as nothing is there
million:
	$(GO) test -count=1 -v -timeout 1h -run '^TestAMillionCalls' ./sip/sentinel -calls 1000000

## canary: marks in every field of every message of every call flow; checks the table of those planted and found in testdata/flows/CANARIES.md and its summary in the README; -rewrite on the test writes both
canary:
	$(GO) test -count=1 -run '^TestCanaries' ./sip/shard

# The same with the call made to copy what must not cross: it is found.
leaky:
	$(GO) vet -tags leaky,pebblegozstd ./sip/...
	$(GOTEST) -count=1 -tags leaky,pebblegozstd -run '^TestALeak' ./sip/...

# The real binary, SIPp and Kamailio, several at once.
e2e:
	$(GOTEST) -race -count=1 -parallel 8 -timeout 15m ./cmd/mask700/e2e/...

## bench: SIPp at a fixed rate through the gateway; flags in BENCH, such as BENCH='-rate 500 -seconds 10'
bench: build
	$(GO) run ./cmd/bench -binary $(CURDIR)/mask700 $(BENCH)

## bench-flood: memory under packets from ten million sources; flags in BENCH, such as BENCH='-packets 1000000'
bench-flood: build
	$(GO) run ./cmd/bench -binary $(CURDIR)/mask700 -flood $(BENCH)

## bench-media: the media relay beside Debian's rtpengine; needs root; flags in BENCH, such as BENCH='-runs 3 -stair', or '-trial'
## for bare relays that ask the kernel for packets in other ways
bench-media:
	@testdata/setup/servers.sh rtpengine-daemon
	$(GO) build -o bin/bench-media ./cmd/bench/media
	bin/bench-media $(BENCH)

## soak-media: 30 minutes of 1000 calls through the media relay, some of which end and begin: nothing lost, nothing
## misdelivered; needs root; flags in BENCH, such as BENCH='-path kernel -calm=false'
soak-media:
	$(GO) build -o bin/bench-media ./cmd/bench/media
	bin/bench-media -soak 30m -path user $(BENCH)

## leak-media: a million calls over real sockets, relayed by the kernel, and what is held after them; needs root; CALLS=100000
## for fewer
leak-media: CALLS = 1000000
leak-media:
	$(GO) test -c -o bin/media.test ./media
	cd media && MASK700_TEST_KERNEL=1 unshare --net ../bin/media.test -test.run '^TestCallsOverSocketsLeaveNothing$$' -test.v -test.timeout 24h -calls $(CALLS)

## bench-store: durable binds, lookups, bytes and start after kill -9 of the store, beside Redis and PostgreSQL on the same
## bindings; flags in BENCH, such as BENCH='-base 50000000 -dir /data'
bench-store:
	@testdata/setup/servers.sh redis-server postgresql
	CGO_ENABLED=0 $(GO) build -o bin/bench-store ./cmd/bench/store
	bin/bench-store $(BENCH)

## fuzz: every fuzz target for FUZZTIME
fuzz:
	@set -e; for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$dir/*_test.go); do \
			echo "$$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$dir; \
		done; \
	done

## image: the container image, with Debian's buildah
image:
	buildah bud --format docker --build-arg VERSION=$(VERSION) -t $(IMAGE) .

## image-prebuilt: the same last stage around a binary built here, where the builder's image cannot be pulled
image-prebuilt:
	rm -rf bin/image
	install -d bin/image
	CGO_ENABLED=0 $(GO) build -trimpath -tags timetzdata -ldflags '$(LDFLAGS)' -o bin/image/mask700 ./cmd/mask700
	install -d -m 0700 bin/image/data bin/image/key
	buildah bud --format docker --isolation chroot --build-context build=bin/image -t $(IMAGE) .

clean:
	rm -rf mask700 bin artifacts
