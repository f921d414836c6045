# `make check` and `make test` set up everything they need; nothing has to be done first.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
TYPED := harness

.DEFAULT_GOAL := help
.PHONY: help check test lint format bench lock clean

help: ## show this
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

check: $(STAMP) ## set up, then run every sample against the gateway and check it
	$(VENV)/bin/conform run -n auto $(CHECK_OPTIONS)

test: $(STAMP) ## set up, then run the project's own tests (those that need a missing toolchain are skipped)
	$(VENV)/bin/python -m pytest $(TEST_OPTIONS)

lint: $(STAMP) ## formatting, lint and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy $(TYPED)

format: $(STAMP) ## format the Python code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(STAMP) ## measure: the grid warm, the gateway's start and rate
	$(VENV)/bin/python -m bench

lock: ## resolve requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --group dev pyproject.toml -o requirements.lock

clean: ## remove the environment, and all set-ups, builds and results
	rm -rf $(VENV) $(VENV)-lock .conform

$(STAMP): pyproject.toml requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) on PATH; Python 3.11 or later is needed: https://www.python.org/downloads/"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old; Python 3.11 or later is needed (make PYTHON=python3.12 …)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
