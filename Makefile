# What can be done with the system. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help run demo test cover check import reset pictures bench soak audit erase export-person verify repair-upgrades load storm build synth deploy destroy bootstrap vulncheck missing

# Commands get these as they were given, whatever signs they hold: "$$WHO" in a recipe is the shell's variable.
# They come before any $(shell …): make 4.4 evaluates what was typed to hand it to that.
override WHO := $(value WHO)
override RECEIPT := $(value RECEIPT)
override JWKS := $(value JWKS)
override EVENTS := $(value EVENTS)
export WHO RECEIPT JWKS EVENTS

# From npm, each with its own lock: the engines and the test browser, the CDK's command line, and Lighthouse.
TOOLS := infra/node_modules/.package-lock.json
CDK_TOOLS := infra/cdk/node_modules/.package-lock.json
LIGHTHOUSE := scripts/bench/lighthouse/node_modules/.package-lock.json

# The race detector needs a C compiler, which nothing else here does.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(TOOLS): infra/package.json infra/package-lock.json
	@echo "installing the engines and the test browser (npm ci, some seconds)" >&2
	@npm ci --prefix infra --no-audit --no-fund --loglevel=error >&2
	@touch $@

$(CDK_TOOLS): infra/cdk/package.json infra/cdk/package-lock.json
	@echo "installing the CDK's command line (npm ci, a few seconds)" >&2
	@npm ci --prefix infra/cdk --no-audit --no-fund --loglevel=error >&2
	@touch $@

$(LIGHTHOUSE): scripts/bench/lighthouse/package.json scripts/bench/lighthouse/package-lock.json
	@echo "installing Lighthouse (npm ci, some seconds)" >&2
	@npm ci --prefix scripts/bench/lighthouse --no-audit --no-fund --loglevel=error >&2
	@touch $@

# --- on this machine ---

run: $(TOOLS) ## run everything on this machine until Ctrl-C
	@echo "compiling the one-machine cloud" >&2
	@go build -o build/local ./scripts/local
	@exec build/local

demo: ## walk through the product on a running `make run`
	@go run ./scripts/demo

pictures: $(TOOLS) ## take the README's pictures of the portal
	@go run ./scripts/pictures

import: ## load a folder of the program's files: make import DATA=scripts/sample (DRY_RUN=1 only checks)
	@go run ./scripts/import $(if $(DRY_RUN),--dry-run) $(DATA)

audit: ## check a table against the rules that always hold: make audit [EVENTS=<domain events>] [JWKS=<keys>] (TABLE_NAME=… for the cloud's)
	@go run ./scripts/audit $(if $(EVENTS),--events "$$EVENTS") $(if $(JWKS),--jwks "$$JWKS") $(AUDIT_FLAGS)

verify: ## check the receipt of a customer's decision: make verify RECEIPT=<file> [JWKS=<file or address of the keys>]
	@go run ./scripts/verify "$$RECEIPT" "$$JWKS"

erase: ## erase a person's data: make erase WHO=<email address, claim ID, or @file with one a line> [CONFIRM=yes] [OPEN=yes]
	@go run ./scripts/erase $(if $(filter yes,$(CONFIRM)),--confirm) $(if $(filter yes,$(OPEN)),--open) -- "$$WHO"

export-person: ## write a person's data as JSON: make export-person WHO=<as for erase>
	@go run ./scripts/erase --export -- "$$WHO"

repair-upgrades: ## upgrade the referrals that the stream missed (TABLE_NAME=… for the cloud's table)
	@go run ./scripts/repair $(if $(DRY_RUN),--dry-run)

reset: ## empty the local state
	rm -rf "$${STATE_DIR:-.local}"

# --- tests ---

# Where code of ours runs at once in the test's own process. All other tests drive functions, which are processes of
# their own, built as they are deployed: for those the detector would only take its time.
RACED := ./shared/... ./scripts/audit/... ./scripts/erase/... ./scripts/import/... ./scripts/local/... ./scripts/soak/races

test: $(TOOLS) check ## check the code and run every test there is
	$(if $(RACE),,@echo "no C compiler here: testing without the race detector" >&2)
	go test $(RACE) -timeout 30m $(RACED)
	go test -timeout 30m $$(go list ./... | grep -vxF "$$(go list $(RACED))")

# Tests and functions count apart: the functions run as processes of their own, and write when they end.
COVERED := ./shared/...,./functions/...
cover: export FUNCTIONS_GOCOVERDIR = $(CURDIR)/build/cover/functions
cover: $(TOOLS) ## run every test and give the statement coverage of shared/ and functions/
	@rm -rf build/cover && mkdir -p build/cover/tests $(FUNCTIONS_GOCOVERDIR)
	go test -count=1 -timeout 60m -coverpkg=$(COVERED) ./... -args -test.gocoverdir=$(CURDIR)/build/cover/tests
	@go tool covdata textfmt -i=build/cover/tests,$(FUNCTIONS_GOCOVERDIR) -o=build/cover/profile
	@go tool cover -func=build/cover/profile | tail -n 1

check: ## gofmt, lines of at most 120 columns, vet, staticcheck
	@echo "gofmt"; unformatted=$$(gofmt -l functions infra/*.go infra/calls scripts shared); test -z "$$unformatted" || { echo "not formatted: $$unformatted" >&2; exit 1; }
	@# A tab is 4 columns. Of a character's bytes in UTF-8, the first counts.
	@echo "lines"; find events functions infra scripts shared -name node_modules -prune -o -name '*.go' -exec env LC_ALL=C \
		awk '{gsub(/\t/, "    "); gsub(/[\200-\277]/, "")} \
		length > 120 {print FILENAME ":" FNR ": longer than 120 columns"; long = 1} END {exit long}' {} + >&2
	go vet ./...
	go tool staticcheck ./...

vulncheck: ## look for known vulnerabilities in what is compiled in, in Go's database (or DB=file:///path, a copy)
	go tool govulncheck $(if $(DB),-db '$(DB)') ./...

soak: $(TOOLS) ## fuzzing, crashes, races, faults, the model, and days at speed, for longer: make soak SOAK=10m (65m: days at 100 x speed)
	@# Each fuzz target for a tenth of SOAK. An input that fails one is kept in testdata/fuzz beside it, and is tested from then on.
	@tenth=$$(echo "$${SOAK:-10m}" | sed -E 's/([0-9]*)([0-9])(\.([0-9]+))?/\1.\2\4/g'); \
	grep -ro --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file target; do \
		name=$${target#func }; package=$$(dirname "$$file"); \
		echo "fuzzing $$name in $$package for $$tenth"; \
		go test -count=1 -run "^$$name\$$" "$$package" </dev/null && \
		go test -timeout 0 -run '^$$' -fuzz "^$$name\$$" -fuzztime "$$tenth" -fuzzminimizetime 1s "$$package" </dev/null || exit 1; \
	done
	@SOAK=$${SOAK:-10m} go test -count=1 -timeout 0 -p 1 -v ./scripts/audit/... ./scripts/erase/... ./scripts/soak/...

bench: $(TOOLS) $(LIGHTHOUSE) ## measure speed, memory and cost against floors of the same run (BENCH=-quick tries it out)
	@go build -o build/bench ./scripts/bench
	@exec build/bench $(BENCH)

load: ## bring a day's traffic to a running `make run`: the rate that it holds, and an audit (LOAD=5m; SEED=… repeats)
	@go build -o build/load ./scripts/load
	@exec build/load

storm: ## have everyone meet at one customer, engagement, list, link and key of a running `make run` (STORM=1m each)
	@go build -o build/load ./scripts/load
	@exec build/load -storm

# --- AWS ---

# Which stage of cdk.json's context.stages: dev or prod. All that an operator chooses for it stands there.
STAGE ?= dev
CDK = node infra/cdk/node_modules/aws-cdk/bin/cdk --context stage=$(STAGE)

# Zips are built anew when a source is newer than the last build, or when one is missing.
SOURCES := $(shell find functions shared scripts/build go.mod go.sum -type f)
ZIPS := $(patsubst functions/%/main.go,build/%.zip,$(wildcard functions/*/main.go))
MISSING := $(filter-out $(wildcard build/*.zip),$(ZIPS))

build: build/.complete ## build the deployable zips, in build/

build/.complete: $(SOURCES) $(if $(MISSING),missing)
	go run ./scripts/build
	@touch $@

synth: build $(CDK_TOOLS) ## synthesise the CloudFormation template, in cdk.out/ (STAGE=prod)
	@AWS_EC2_METADATA_DISABLED=true $(CDK) synth --quiet

deploy: build $(CDK_TOOLS) ## deploy to AWS (STAGE=prod; first, once per account and region: make bootstrap)
	$(CDK) deploy

destroy: build $(CDK_TOOLS) ## take a deployment down (STAGE=prod is protected, and leaves its data)
	$(CDK) destroy

bootstrap: build $(CDK_TOOLS) ## prepare the AWS account and region for deployments
	$(CDK) bootstrap
