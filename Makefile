# Targets are one short command or script each; `make help` lists them.
GO      ?= go
PKGS    ?= ./...
export CGO_ENABLED ?= 1

.PHONY: help build run test deps lint cross race debug fuzz soak bench bench-quick clean

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
	$(GO) vet $(PKGS)
	GOOS=darwin CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/weir && GOOS=darwin CGO_ENABLED=0 $(GO) vet ./netpoll
	GOOS=freebsd CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/weir && GOOS=freebsd CGO_ENABLED=0 $(GO) vet ./netpoll

race: ## all tests, with the race detector
	$(GO) test -race -timeout 15m $(PKGS)

debug: ## the tests of the rooms on the event loop, with owners checked and lent buffers overwritten
	$(GO) test -tags debug -timeout 10m ./netpoll ./upstream/... ./gateway

fuzz: ## each fuzzer for FUZZTIME (30s)
	.ci/fuzz

soak: ## minutes of mixed traffic and faults (SOAK=5m)
	$(GO) test ./internal/interop -run Soak -soak $(or $(SOAK),5m) -timeout 30m -v

bench: build ## compare with the peers installed, and write BENCHMARKS.md (a quarter of an hour)
	bin/weirbench compare --seconds 2 --rounds 3 --write BENCHMARKS.md

bench-quick: build ## a few scenarios, brief, to the terminal
	bin/weirbench compare --scenario echo125,storm --seconds 1 --rounds 1

clean: ## remove what was built
	rm -rf bin internal/interop/node/node_modules
