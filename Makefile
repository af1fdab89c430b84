# The one entrance, for a person and for CI alike. `make` alone prints what there is.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/
UV_VERSION := 0.13.9
READY := $(VENV)/.ready
OIDC := tests/oidc/node_modules/.package-lock.json
GIT ?=
ONCE ?=

.PHONY: help
help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=…)"; exit 1; }
	@echo "Setting up $(VENV) …"
	@test -x $(RUN)python || $(PYTHON) -m venv $(VENV)
	@$(RUN)python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(RUN)uv pip sync --quiet --python $(RUN)python --require-hashes requirements.lock
	@$(RUN)uv pip install --quiet --python $(RUN)python --no-deps --no-build-isolation --editable .
	@touch $(READY)

.PHONY: setup
setup: $(READY) ## Install what the project needs into .venv

$(OIDC): tests/oidc/package-lock.json $(READY)
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(RUN)npm ci --prefix tests/oidc --silent --no-audit --no-fund
	@touch $(OIDC)

.PHONY: demo
demo: $(READY) ## Run everything with a made-up company (GIT=path: your repository; ONCE=1: check and end)
	@$(RUN)python -m services.cli demo $(if $(GIT),--git '$(GIT)') $(if $(ONCE),--once)

.PHONY: test
test: $(READY) $(OIDC) lint schemas-check ## Lint, types, imports, contracts, unit, integration, end to end
	$(RUN)pytest -m "not faults"

.PHONY: test-faults
test-faults: $(READY) ## Kill and restart everything, twenty times each, seeded
	$(RUN)pytest -m faults tests/faults

.PHONY: lint
lint: $(READY) ## Format, lint, types, imports, migrations
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)squawk services/*/sql/migrations/*.sql services/kit/plumbing/migrations/*.sql

.PHONY: format
format: $(READY) ## Format the code
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

.PHONY: schemas
schemas: $(READY) ## Write JSON Schema and AsyncAPI files from the models
	$(RUN)python -m schemas write

.PHONY: schemas-check
schemas-check: $(READY) ## Fail when a generated file is stale, a released version changed or a contract is incomplete
	$(RUN)python -m schemas check

.PHONY: bench
bench: $(READY) ## Measure the ledger beside plain COPY, in one run
	$(RUN)python -m tests.bench

.PHONY: bench-verify
bench-verify: $(READY) ## Measure `waystone verify` on a ledger of a million entries
	$(RUN)python -m tests.bench.verification

.PHONY: bench-growth
bench-growth: $(READY) ## Measure an event, a page and a scrape with histories of 10^5, 10^6 and 10^7 entries
	$(RUN)python -m tests.bench.growth

.PHONY: bench-peers
bench-peers: $(READY) ## Measure the ledger beside Kafka Connect with Debezium's JDBC sink, and Quix Streams
	$(RUN)python -m tests.bench.peers

.PHONY: lock
lock: $(READY) ## Resolve requirements.lock anew
	$(RUN)uv pip compile --quiet --upgrade pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-header --output-file requirements.lock

.PHONY: clean
clean: ## Remove what was set up, fetched and recorded here; a local stack that runs is stopped first
	@if test -x $(RUN)python && test -e .local/stack/lock; then $(RUN)python -m services.cli local down; fi
	rm -rf $(VENV) tests/oidc/node_modules .local .mypy_cache .ruff_cache .hypothesis
