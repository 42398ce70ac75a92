# Everything goes into .venv; nothing is installed outside it, but Chromium for the browser tests (`make browser`).

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
ARGS ?=
PROCESSES ?= 3

.DEFAULT_GOAL := help
.PHONY: install install-dev browser demo run test check format bench chaos requirements clean help

install: .venv/.installed ## install what Lectern runs on into .venv

install-dev: .venv/.installed-dev ## install what checks and tests need as well

demo: install ## make transcript and notes of the sample on an installation of its own, and end
	@$(BIN)/python -m scripts.demo $(ARGS)

run: install ## serve http://127.0.0.1:8000, data in var (ARGS="--port 9000 --data DIR")
	@$(BIN)/python -m scripts.serve $(ARGS)

test: install-dev browser ## run all tests, in three processes (ARGS="-k upload", PROCESSES=0)
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal $(ARGS)

check: install-dev ## ruff, formatting, mypy, floors
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev ## bring the code into its form
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format

bench: install-dev ## measure against stock RQ and the goals, in under 15 minutes (QUICK=1: a glance, under 2; ARGS="--only noop")
	@$(BIN)/python -m bench $(if $(filter-out 0,$(QUICK)),--quick) $(ARGS)

chaos: install-dev ## ten minutes of kills and restarts, reported in docs/proof; then the tests that kill (ARGS="--seed 7")
	@$(BIN)/python -m tests.chaos --report docs/proof $(ARGS)
	@LECTERN_LONG=1 $(BIN)/python -m pytest -m chaos

requirements: install-dev ## pin what *.in ask for
	$(BIN)/pip install --quiet pip-tools
	export CUSTOM_COMPILE_COMMAND="make requirements"; for of in requirements requirements-dev; do \
	  $(BIN)/pip-compile --quiet --upgrade --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --output-file $$of.txt $$of.in || exit 1; done

browser: # Chromium for the browser tests, where it is missing and may be installed; they are skipped without
	@command -v chromium chromium-browser google-chrome >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Chromium for the browser tests"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 \
	    || echo "Chromium could not be installed; the browser tests are skipped"; \
	else echo "No Chromium here, and no right to install it; the browser tests are skipped"; fi

clean: ## remove what was built and cached; .venv and data stay
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Lectern needs Python 3.11; name one with make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.txt | .venv/bin/python
	@echo "Installing into .venv; this takes a minute the first time"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
