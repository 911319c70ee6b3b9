# Everything a developer, a reader or CI does here. It all stays in this folder: .venv, node_modules, .tools, out, cache.

PYTHON ?= python3
NODE ?= node
GETH_VERSION := v1.17.0
# The one place that says which pip-tools wrote requirements/*.txt.
PIP_TOOLS := pip-tools==7.6.2

VENV := .venv
BIN := $(VENV)/bin
PY_DEPS := $(VENV)/.dependencies
PY_STAMP := $(VENV)/.done
NODE_STAMP := node_modules/.done
ANALYSIS := build/analysis
# Of pytest. Tests of one file stay together, in their order; each process has nodes of its own.
PROCESSES ?= 1
SAY := @printf '\n== %s\n'
unexport PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup build test test-large test-soak fuzz demo bench-gas bench-offchain bench-relayer lint check-artifacts analyse geth ethereumjs lock clean

help:  ## list the verbs
	@echo 'make VERB: each verb does the set-up that it needs.'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'
	@echo 'make test-soak SOAK_S=600 REPLICAS=200 WORKERS=4 KILL_EVERY_S=4 SEED=7: the seed of a run is printed'
	@echo 'make fuzz CASES=20000 SEED=7: so many cases, of this seed; FIRST=1234 CASES=1 repeats one'

setup: $(PY_STAMP) $(NODE_STAMP)  ## .venv and node_modules, all pinned (a few minutes, once)

$(PY_DEPS): requirements/dev.txt
	$(SAY) 'Python packages into $(VENV) (requirements/dev.txt, by hash)'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "SmartSync needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
	  echo 'Name another one: make setup PYTHON=python3.12'; exit 1; }
	@rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

$(PY_STAMP): $(PY_DEPS) pyproject.toml
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(NODE_STAMP): package-lock.json package.json .npmrc
	$(SAY) 'Node tools into node_modules (package-lock.json, no install scripts): forge, solc, the nodes'
	@$(NODE) -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null || { \
	  echo "SmartSync's tests and demo need Node 20 or newer; '$(NODE)' is $$($(NODE) --version 2>&1 || true)."; exit 1; }
	npm ci --ignore-scripts --loglevel=error
	@touch $@

build: setup  ## compile the contracts into src/smartsync/artifacts
	$(SAY) 'Contracts'
	$(BIN)/python tools/build_artifacts.py

check-artifacts: setup  ## prove that the shipped artifacts match the contracts
	$(SAY) 'Shipped artifacts against the sources'
	$(BIN)/python tools/build_artifacts.py --check

# slither takes every build-info that it finds: none of an earlier run may be left. It asks the `forge` on the PATH for
# the configuration. solc-select, which it brings and does not use, would make a folder in $HOME without VIRTUAL_ENV.
analyse: setup  ## slither over contracts/src: any finding of any severity fails
	$(SAY) 'Static analysis'
	rm -rf $(ANALYSIS)
	tools/forge build contracts/src --build-info --out $(ANALYSIS)/out --cache-path $(ANALYSIS)/cache
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" PATH="$(CURDIR)/tools:$$PATH" $(BIN)/slither . --config-file slither.config.json \
	  --ignore-compile --foundry-out-directory $(ANALYSIS)/out --disallow-partial --disable-color

test: setup  ## all tests: contracts, then unit, integration and acceptance
	$(SAY) 'Contracts: forge test'
	tools/forge test
	$(SAY) 'Python: unit, integration (real nodes on loopback), acceptance'
	$(BIN)/python -m pytest --durations=10 $(if $(filter-out 1,$(PROCESSES)),-n $(PROCESSES) --dist loadscope)

test-large: setup  ## a fork of SLOTS (100,000) slots, killed five times; takes some ten minutes
	SMARTSYNC_LARGE_FORK=$(or $(SLOTS),100000) $(BIN)/python -m pytest tests/integration/test_large_fork.py -k killed_at_random

test-soak: setup  ## workers killed, databases and nodes that fail: SOAK_S (600) seconds each
	SMARTSYNC_SOAK_S=$(or $(SOAK_S),600) SMARTSYNC_SOAK_REPLICAS=$(or $(REPLICAS),200) \
	  SMARTSYNC_SOAK_WORKERS=$(or $(WORKERS),4) SMARTSYNC_SOAK_SEED=$(SEED) \
	  SMARTSYNC_SOAK_KILL_EVERY_S=$(KILL_EVERY_S) $(BIN)/python -m pytest -s tests/soak

fuzz: setup  ## the differential fuzz on all cores until Ctrl-C, or for CASES=n; SEED, FIRST, REPORT
	@$(BIN)/python -m tests.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(FIRST),--first $(FIRST)) $(if $(CORES),--cores $(CORES)) $(if $(REPORT),--report $(REPORT))

demo: setup  ## two chains, two real contracts, forked, changed, synced, attacked
	$(SAY) 'Demo'
	$(BIN)/smartsync demo

bench-gas: setup  ## measure the gas of forks, syncs, reads, anchors; write docs/reference/gas.md
	$(SAY) 'Gas'
	$(BIN)/python -m benchmarks.gas $(if $(WORKLOADS),--workloads $(WORKLOADS))
	$(BIN)/python -m benchmarks.gas_page

bench-offchain: setup  ## measure time and memory of tries, fill plans, witnesses; write docs/reference/offchain.md
	$(SAY) 'Off chain'
	$(BIN)/python -m benchmarks.offchain $(if $(SIZES),--sizes $(SIZES))
	$(BIN)/python -m benchmarks.offchain_page

bench-relayer: setup  ## measure what workers of a relayer do a second; write docs/reference/relayer-throughput.md
	$(SAY) 'Relayer'
	$(BIN)/python -m benchmarks.relayer
	$(BIN)/python -m benchmarks.relayer_page

lint: setup  ## ruff, mypy --strict, forge fmt, import layers, the Dockerfile
	$(SAY) 'Lint'
	$(BIN)/ruff check --output-format=concise .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports
	$(BIN)/hadolint deploy/Dockerfile
	tools/forge fmt --check

geth: .tools/bin/geth  ## build geth into .tools/bin (needs Go; some minutes), for the tests that use it

# Pinned: later 1.17 releases depend on module versions that cannot be had by `go install` everywhere.
.tools/bin/geth:
	$(SAY) 'geth $(GETH_VERSION) into .tools/bin'
	@command -v go >/dev/null || { echo 'geth is built by Go, and there is no go on the PATH'; exit 1; }
	GOPATH="$(CURDIR)/.tools/go" GOMODCACHE="$(CURDIR)/.tools/go/mod" GOCACHE="$(CURDIR)/.tools/go/cache" \
	  GOBIN="$(CURDIR)/.tools/go/bin" GOFLAGS="-modcacherw -buildvcs=false" \
	  go install github.com/ethereum/go-ethereum/cmd/geth@$(GETH_VERSION)
	@mkdir -p .tools/bin && mv .tools/go/bin/geth $@ && rm -rf .tools/go

ETHEREUMJS := .tools/ethereumjs/node_modules/.bin/ethereumjs
ethereumjs: $(ETHEREUMJS)  ## install @ethereumjs/client into .tools/ethereumjs, for the tests that use it

$(ETHEREUMJS): tools/ethereumjs/package-lock.json
	$(SAY) '@ethereumjs/client into .tools/ethereumjs (tools/ethereumjs/package-lock.json, no install scripts)'
	@mkdir -p .tools/ethereumjs && cp tools/ethereumjs/package.json tools/ethereumjs/package-lock.json .tools/ethereumjs
	npm ci --prefix .tools/ethereumjs --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

lock:  ## pin the newest versions again: requirements/*.txt and the two package-lock.json
	$(SAY) 'Locks'
	$(PYTHON) -m venv --clear .tools/lock
	.tools/lock/bin/python -m pip install --quiet '$(PIP_TOOLS)'
	for lock in 'runtime.txt pyproject.toml' 'relayer.txt --extra=relayer --extra=postgresql pyproject.toml' \
	  'build.txt --all-build-deps --only-build-deps pyproject.toml' 'dev.txt requirements/dev.in'; do set -- $$lock; \
	  file=$$1; shift; CUSTOM_COMPILE_COMMAND='make lock' .tools/lock/bin/pip-compile --quiet --upgrade --strip-extras --allow-unsafe \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-config \
	    --output-file="requirements/$$file" "$$@" || exit 1; done
	rm -rf node_modules package-lock.json
	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved
	rm -f tools/ethereumjs/package-lock.json
	npm install --prefix tools/ethereumjs --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved

clean:  ## remove what was built (not .venv, node_modules and .tools)
	rm -rf out cache dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
