# Targets are one short command or script each; `make help` lists them.
GO      ?= go
PKGS    ?= ./...
CADDY   ?= v2.11.9
export CGO_ENABLED ?= 1

.PHONY: help build run test deps lint cross race debug fuzz soak storm moves test-kubernetes bench bench-quick bench-caddy bench-million bench-go clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## bin/weir and bin/weirbench
	$(GO) build -o bin/weir ./cmd/weir
	$(GO) build -o bin/weirbench ./cmd/weirbench

run: build ## a gateway on 127.0.0.1:8080 in front of a demo backend
	bin/weir --demo

test: deps lint race debug ## everything that must hold before a change lands

deps: ## install what the tests need: Debian and npm packages
	.ci/deps

lint: ## format, vet, the other systems, generated files
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these files"; exit 1; }
	$(GO) vet $(PKGS) && $(GO) -C internal/manifests vet .
	GOOS=darwin CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/weir && GOOS=darwin CGO_ENABLED=0 $(GO) vet ./netpoll
	GOOS=freebsd CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/weir && GOOS=freebsd CGO_ENABLED=0 $(GO) vet ./netpoll

race: ## all tests, with the race detector
	$(GO) test -race -timeout 15m $(PKGS)

debug: ## without the race detector: allocations counted, owners checked, lent buffers overwritten
	$(GO) test -tags debug -timeout 10m ./codec/... ./netpoll ./upstream/... ./gateway/...

fuzz: ## each fuzzer for FUZZTIME (30s)
	.ci/fuzz

soak: ## minutes of mixed traffic and faults (SOAK=5m)
	$(GO) test ./internal/interop -run Soak -soak $(or $(SOAK),5m) -timeout 30m -v

test-kubernetes: ## discovery against a real API server, built once into bin/ (five minutes, 170 MB)
	.ci/kubernetes
	$(GO) test ./upstream/discovery/kube -tags kubernetes -run TestKubernetes -kube-apiserver $(CURDIR)/bin/kube-apiserver -timeout 5m -count 1 -v

storm: ## a hundred reloads under 5,000 sessions that talk and a storm of handshakes
	$(GO) test ./gateway -run TestReloadStorm -reload-sessions 5000 -timeout 10m -v

moves: ## 2,000 sessions that talk while their backends are drained, restarted and killed
	$(GO) test ./internal/interop -run TestSessionsOutliveTheirBackends -moves-sessions 2000 -timeout 10m -v

bench: build ## compare with the peers installed, and write BENCHMARKS.md (twelve minutes)
	bin/weirbench compare --rounds 3 --seconds 1 --json bench/results.json --plots bench/plots --write BENCHMARKS.md

bench-quick: build ## the same in brief (about two minutes), into bin/bench-quick
	bin/weirbench compare --scenario echo125,open100,idle,storm --rounds 1 --seconds 0.8 \
		--json bin/bench-quick/results.json --plots bin/bench-quick/plots --write bin/bench-quick/BENCHMARKS.md

bench-caddy: ## bin/caddy, for bench to find
	GOBIN=$(CURDIR)/bin $(GO) install -ldflags '-X github.com/caddyserver/caddy/v2.CustomVersion=$(CADDY)' github.com/caddyserver/caddy/v2/cmd/caddy@$(CADDY)

bench-million: build ## a million sockets in one process, and how cost grows up to there (a quarter of an hour, 14 GB)
	bin/weirbench million --json bench/million.json --write BENCHMARKS.md
	bin/weirbench growth --json bench/growth.json --plots bench/plots --write BENCHMARKS.md

bench-go: ## every Go benchmark, briefly, with its allocations
	$(GO) test -run '^$$' -bench . -benchmem -benchtime 200x ./codec/... ./netpoll/... ./upstream/... ./gateway/...

clean: ## remove what was built
	rm -rf bin internal/interop/node/node_modules
