# Every target prepares what it needs on a bare machine with Python 3.11 or newer; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin

# An environment is ready when a stamp named after its lock files lies in it. A larger one serves the smaller needs.
stamp = .venv/.$(1)-$(shell cat requirements/uv.txt requirements/$(1).txt | cksum | cut -d' ' -f1)
RUNTIME := $(call stamp,runtime)
DEV := $(call stamp,dev)
BENCH := $(call stamp,bench)
FOR_DEMO := $(firstword $(wildcard $(BENCH) $(DEV)) $(RUNTIME))
FOR_TESTS := $(firstword $(wildcard $(BENCH)) $(DEV))

FAST_TESTS = tests/rules tests/providers tests/contracts tests/services/test_tokens.py $(wildcard tests/services/test_reminders*.py)

.PHONY: help demo test check lint types layers fast-tests bench soak lock clean chromium venv-module

help:
	@echo "make demo    the whole product on this machine: PORT (8000) and PORTAL_DATA_DIR (./instance) choose where"
	@echo "make test    every test, with real PostgreSQL, Redis and Chromium"
	@echo "make check   style, types, layers and the fast tests, in under a minute"
	@echo "make bench   the measurements"
	@echo "make soak    the promises at their full figures"
	@echo "make lock    newer dependencies into the lock files"
	@echo "make clean   removes the environment and all caches, and leaves the data folder alone"

demo: $(FOR_DEMO)
	@exec $(BIN)/python -m portal.demo

test: $(FOR_TESTS) chromium
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(FOR_TESTS)
	@$(MAKE) -k types layers lint fast-tests

lint: $(FOR_TESTS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(FOR_TESTS)
	$(BIN)/mypy

layers: $(FOR_TESTS)
	$(BIN)/lint-imports --no-logo

fast-tests: $(FOR_TESTS)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not (soak or slow or browser or postgresql)" $(FAST_TESTS)

bench: $(BENCH)
	$(BIN)/python -m bench

soak: $(FOR_TESTS) chromium
	$(BIN)/python -m pytest -m soak --timeout 0

clean:
	rm -rf .venv build dist *.egg-info .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Fastest first: uv, and pip where uv cannot reach the packages (pip knows the machine's mirrors and certificates).
$(RUNTIME) $(DEV) $(BENCH): .venv/.%:
	@$(MAKE) venv-module
	@echo "Preparing .venv ..."
	@$(BIN)/python -c "" 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@rm -f .venv/.runtime-* .venv/.dev-* .venv/.bench-*
	@lock=$*; lock=requirements/$${lock%-*}.txt; \
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt; \
	$(BIN)/uv pip sync -q --no-config -p $(BIN)/python --require-hashes requirements/uv.txt $$lock \
	  || { echo "uv could not install the packages, trying pip ..."; \
	       $(BIN)/python -m ensurepip >/dev/null; \
	       $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt -r $$lock; }
	@$(BIN)/uv pip install -q --no-config --offline -p $(BIN)/python --no-deps --no-build-isolation \
	  --config-setting editable_mode=compat -e .
	@touch $@

# $(call needs,what is missing,Debian package): installs it where that is allowed, says the line to type where not.
define needs
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "$(1) is missing, installing Debian's ..."; \
	  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(2) >/dev/null; \
	else \
	  echo "$(1) is missing. Type: sudo apt-get update && sudo apt-get install -y $(2)" >&2; exit 1; \
	fi
endef

venv-module:
	@command -v $(PYTHON) >/dev/null || { $(call needs,Python,python3 python3-venv); }
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
	  || { echo "$(PYTHON) is older than 3.11. Type: make ... PYTHON=python3.11 (or newer)" >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { $(call needs,Python's venv module,python3-venv); }

chromium:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v $$name >/dev/null; then exit 0; fi; done; \
	$(call needs,Chromium,chromium fonts-dejavu-core)

lock: $(FOR_TESTS)
	@compile="$(BIN)/uv pip compile -q --no-config --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links"; \
	$$compile requirements/uv.in -o requirements/uv.txt; \
	$$compile pyproject.toml -o requirements/runtime.txt; \
	$$compile pyproject.toml --extra dev -c requirements/runtime.txt -o requirements/dev.txt; \
	$$compile pyproject.toml --extra dev --extra bench -c requirements/dev.txt -o requirements/bench.txt
