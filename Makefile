# make demo | make test: everything, from nothing, on a fresh machine. `make` alone lists the targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PACKAGES := net wire peer tracker cdn experiments
SOURCES := $(PACKAGES) tests bench

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*##/\1:/p' Makefile

setup: $(STAMP)  ## make .venv and install swarmbed into it

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "swarmbed needs Python 3.11 or newer, but '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name a newer one, for example: make setup PYTHON=python3.12" >&2; exit 3; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "'$(PYTHON) -m venv' failed. On Debian or Ubuntu: apt install python3-venv" >&2; exit 3; }
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

demo: $(STAMP)  ## compare all models on a real file: virtual up to 50 clients, then 5 on loopback
	$(BIN)/swarmbed demo --out results/demo

test: $(STAMP)  ## run the test suite
	$(BIN)/pytest -q -n 2

check: $(STAMP)  ## formatting, lint, types, and the suite
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2

format: $(STAMP)  ## let ruff rewrite what it can
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: $(STAMP)  ## how fast the pieces are on this machine
	@for file in bench/*.py; do \
	  case $$file in */__init__.py) continue;; esac; \
	  module=bench.$$(basename $$file .py); echo "== $$module"; \
	  $(BIN)/python -m $$module || [ $$? -eq 3 ] || exit 1; done

clean:  ## remove what make and the tools made (results/ stays)
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
