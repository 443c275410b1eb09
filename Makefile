# What can be done with the system. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help run demo test cover check import reset bench soak audit erase repair-upgrades build synth deploy bootstrap missing

# The engines, the CDK CLI and the test browser, from npm; pinned in infra/package.json.
TOOLS := infra/node_modules/.package-lock.json

# The race detector needs a C compiler, which nothing else here does.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(TOOLS): infra/package.json infra/package-lock.json
	@echo "installing the engines, the CDK CLI and the test browser (npm ci, some seconds)" >&2
	@npm ci --prefix infra --no-audit --no-fund --loglevel=error >&2
	@touch $@

# --- on this machine ---

run: $(TOOLS) ## run everything on this machine until Ctrl-C
	@echo "compiling the one-machine cloud" >&2
	@go build -o build/local ./scripts/local
	@exec build/local

demo: ## walk through the product on a running `make run`
	@go run ./scripts/demo

import: ## load a folder of the program's files: make import DATA=scripts/sample (DRY_RUN=1 only checks)
	@go run ./scripts/import $(if $(DRY_RUN),--dry-run) $(DATA)

audit: ## check a table against the rules that always hold: make audit, or TABLE_NAME=… make audit
	@go run ./scripts/audit $(AUDIT_FLAGS)

erase: ## erase a person's data: make erase WHO=<email address or claim ID> (DRY_RUN=1 only tells)
	@go run ./scripts/erase $(if $(DRY_RUN),--dry-run) $(ERASE_FLAGS) $(WHO)

repair-upgrades: ## upgrade the referrals that the stream missed (TABLE_NAME=… for the cloud's table)
	@go run ./scripts/repair $(if $(DRY_RUN),--dry-run)

reset: ## empty the local state
	rm -rf "$${STATE_DIR:-.local}"

# --- tests ---

test: $(TOOLS) check ## check the code and run every test there is
	$(if $(RACE),,@echo "no C compiler here: testing without the race detector" >&2)
	go test $(RACE) -timeout 30m ./...

# Tests and functions count apart: the functions run as processes of their own, and write when they end.
COVERED := ./shared/...,./functions/...
cover: export FUNCTIONS_GOCOVERDIR = $(CURDIR)/build/cover/functions
cover: $(TOOLS) ## run every test and give the statement coverage of shared/ and functions/
	@rm -rf build/cover && mkdir -p build/cover/tests $(FUNCTIONS_GOCOVERDIR)
	go test -count=1 -timeout 60m -coverpkg=$(COVERED) ./... -args -test.gocoverdir=$(CURDIR)/build/cover/tests
	@go tool covdata textfmt -i=build/cover/tests,$(FUNCTIONS_GOCOVERDIR) -o=build/cover/profile
	@go tool cover -func=build/cover/profile | tail -n 1

check: ## gofmt, vet, staticcheck
	@echo "gofmt"; unformatted=$$(gofmt -l functions infra/*.go infra/calls scripts shared); test -z "$$unformatted" || { echo "not formatted: $$unformatted" >&2; exit 1; }
	go vet ./...
	go tool staticcheck ./...

soak: $(TOOLS) ## fuzzing, and crash, race, fault and model tests for longer: make soak SOAK=10m
	@# Each fuzz target for a tenth of SOAK. An input that fails one is kept in testdata/fuzz beside it, and is tested from then on.
	@tenth=$$(echo "$${SOAK:-10m}" | sed -E 's/([0-9]*)([0-9])(\.([0-9]+))?/\1.\2\4/g'); \
	grep -ro --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file target; do \
		name=$${target#func }; package=$$(dirname "$$file"); \
		echo "fuzzing $$name in $$package for $$tenth"; \
		go test -count=1 -run "^$$name\$$" "$$package" </dev/null && \
		go test -timeout 0 -run '^$$' -fuzz "^$$name\$$" -fuzztime "$$tenth" -fuzzminimizetime 1s "$$package" </dev/null || exit 1; \
	done
	@SOAK=$${SOAK:-10m} go test -count=1 -timeout 0 -p 1 -v ./scripts/audit/... ./scripts/erase/... ./scripts/soak/...

bench: $(TOOLS) ## measure speed, memory and cost against floors of the same run (BENCH=-quick tries it out)
	@go build -o build/bench ./scripts/bench
	@exec build/bench $(BENCH)

# --- AWS ---

# What the operator chooses: SETTINGS='-c stage=prod -c sender=consent@mail.contoso.com …'
SETTINGS ?= -c stage=dev
CDK = node infra/node_modules/aws-cdk/bin/cdk

# Zips are built anew when a source is newer than the last build, or when one is missing.
SOURCES := $(shell find functions shared scripts/build go.mod go.sum -type f)
ZIPS := $(patsubst functions/%/main.go,build/%.zip,$(wildcard functions/*/main.go))
MISSING := $(filter-out $(wildcard build/*.zip),$(ZIPS))

build: build/.complete ## build the deployable zips, in build/

build/.complete: $(SOURCES) $(if $(MISSING),missing)
	go run ./scripts/build
	@touch $@

synth: build $(TOOLS) ## synthesise the CloudFormation template, in cdk.out/ (SETTINGS='-c stage=prod …')
	@AWS_EC2_METADATA_DISABLED=true $(CDK) synth --quiet $(SETTINGS)

deploy: build $(TOOLS) ## deploy to AWS (SETTINGS as for synth; first, once per account and region: make bootstrap)
	$(CDK) deploy $(SETTINGS)

bootstrap: build $(TOOLS) ## prepare the AWS account and region for deployments
	$(CDK) bootstrap $(SETTINGS)
