# Customers page of an engagement: what can be done with it. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
GO_TOOLS := infra/node_modules/.package-lock.json

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(GO_TOOLS): infra/package.json infra/package-lock.json
	@echo "installing the engines, the CDK CLI and the test browser into infra/node_modules" >&2
	@npm ci --prefix infra --no-audit --no-fund --loglevel=error >&2
	@touch $@

run: $(GO_TOOLS) ## run everything on this machine; Ctrl-C stops it
	@go build -o build/local ./scripts/local && exec build/local

test: $(GO_TOOLS) ## check the code and run every test there is
	scripts/test

import: ## load a folder of the program's files: make import DATA=scripts/sample
	@go run ./scripts/import $(DATA)

reset: ## empty the local state
	rm -rf "$${STATE_DIR:-.local}"

.PHONY: help run test import reset
