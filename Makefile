# Two commands do everything: `make up` and `make test`. `make help` lists the rest.
#
# One setting for every build: with cgo in some and not in others, whatever stands above the package net would be compiled
# twice. Nothing here needs cgo.
export CGO_ENABLED := 0

STACK ?= staging
NODES ?= 0
SANDBOX := .sandbox/bin/sandbox
RUN := $(SANDBOX) --stack $(STACK) --nodes $(NODES)
ifeq ($(origin CLUSTER),command line) # not one that a shell happens to export
RUN := $(SANDBOX) --stack $(STACK) cluster --context '$(CLUSTER)' $(if $(REGISTRY),--registry '$(REGISTRY)') \
  $(if $(CONFIG),--config '$(CONFIG)') $(if $(YES),--yes)
endif

.DEFAULT_GOAL := help
.PHONY: help up verify down clean status shell build test test-short lint fmt bench vulncheck FORCE

help: ## Say what each command does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  STACK=staging|prod and NODES=1..16 choose the sandbox, for example: make up STACK=prod"
	@echo "  CLUSTER=<kubeconfig context> or CLUSTER=kind has up, verify, shell and clean work on a cluster of your own: docs/kind.md"

up: $(SANDBOX) ## Build what is missing, boot the sandbox, pulumi up the stack
	@$(RUN) up

build: $(SANDBOX) ## Build all programs and images of the sandbox
	@$(RUN) build

down: $(SANDBOX) ## Stop the sandbox; what it holds is kept
	@$(RUN) down

clean: $(SANDBOX) ## Stop the sandbox and delete what it holds; what was built stays
	@$(RUN) clean

status: $(SANDBOX) ## Show which sandboxes run, and their pods
	@$(RUN) status

shell: $(SANDBOX) ## Open a shell in which pulumi, kubectl and opex work on the sandbox
	@$(RUN) shell

verify: ## Prove all ten criteria on the sandbox that is up: a drill, a Game Day, then all criteria
	@$(RUN) exec -- opex verify --run --yes --wait 5m

test: build ## Pass all tests, end to end on a sandbox of their own included
	@./scripts/test

test-short: ## Pass the tests that need no built sandbox
	@./scripts/test -short

bench: build ## Measure the speeds that the project promises, as a table
	@./scripts/bench
	@./scripts/bench-recovery
	@./scripts/bench-chaos
	@cd cmd/opex && go test ./internal/load ./internal/manifests ./internal/verify -run "^$$" -bench . -benchtime 1x

config-schema: ## Write the reference of the config and the schema that editors use, from the comments in the code
	CGO_ENABLED=0 go test ./stacks -run 'Reference|Schema' -update

fmt: ## Format the Go files
	gofmt -w $$(git ls-files '*.go')

lint: ## Check format, vet and, where it is installed, golangci-lint
	@./scripts/lint

vulncheck: ## Look for known vulnerabilities in what is used (needs the vulnerability database)
	for module in . cmd/opex taskapi sandbox; do (cd $$module && go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...) || exit 1; done

# The sandbox's own program: always asked, since only the Go tool knows what it is made of; it answers within a second.
$(SANDBOX): FORCE
	@[ "$$(uname -s)" = Linux ] || { echo "make: the sandbox runs on Linux, this is $$(uname -s)" >&2; exit 1; }
	@command -v go > /dev/null || { echo "make: Go 1.26 or later is needed: https://go.dev/dl" >&2; exit 1; }
	@[ -x $@ ] || echo "Building the sandbox's own program (a minute at the first time)" >&2
	@cd sandbox && go build -buildvcs=false -ldflags="-s -w" -o ../$(SANDBOX) ./cmd/sandbox
FORCE:
