# Each target sets up the virtual environment that it needs, in place; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check bench docs clean

help: ## List the targets.
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target help; \
		do printf '  make %-7s %s\n' "$$target" "$$help"; done

run: $(VENV)/.for-use ## Run the demonstration and serve on (ONCE=1 ends with it, URL=… takes your own page).
	@$(BIN)/headrace demo $(if $(ONCE),--once) $(if $(URL),--url "$$URL")

test: $(VENV)/.for-work ## Run the tests (ARGS=… goes to pytest).
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

check: $(VENV)/.for-work ## Check format, lint, types and the import law.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.for-use $(VENV)/peers/.ready ## Measure beside the peers (ARGS='--quick' or '--write'; see docs/performance.md).
	@$(BIN)/python -m bench --peers $(VENV)/peers/bin/python $(ARGS)

docs: $(VENV)/.for-work ## Write the generated pages of docs/reference anew and check all pages.
	$(BIN)/python docs/generate.py
	$(BIN)/python -m pytest -q tests/test_docs.py

clean: ## Remove what the tools left (the virtual environment and your data stay).
	rm -rf build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment that works is used as it is; pip brings it up to date when pyproject.toml changed.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.for-use: $(VENV)/.python pyproject.toml
	@echo "Setting up $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[web]'
	@touch $@

$(VENV)/.for-work: $(VENV)/.python pyproject.toml
	@echo "Setting up $(VENV) for work …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[web,media,dev]'
	@touch $@ $(VENV)/.for-use

$(VENV)/peers/.ready: bench/peers.txt $(VENV)/.python
	@$(PYTHON) -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement bench/peers.txt
	@touch $@
