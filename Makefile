# Liaison: `make demo` shows it, `make test` proves it, `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CONSTRAINTS := deploy/constraints.txt
# Workers of the test suite: more than a small machine has cores, since many tests wait for processes to start.
WORKERS ?= 4
SETUP := pyproject.toml $(CONSTRAINTS) deploy/install_torch.py
# Some machines forbid Python to keep what it compiles; the suite starts hundreds of processes from it.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench chaos contracts clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

install: $(VENV)/.installed ## Set up .venv with the `liaison` command in it
	@echo "ready: $(BIN)/liaison --help"

demo: $(VENV)/.installed ## Start everything with demo data; a challenge is announced, its webhook arrives
	$(BIN)/liaison demo

test: $(VENV)/.installed-dev ## The whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -p no:schemathesis --cache-clear $(PYTEST) \
	  || $(BIN)/python -m tests.again $$?

check: $(VENV)/.installed-dev ## Linters, types, import contracts, freshness of the published contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/liaison schemas export --check

bench: $(VENV)/.installed-dev ## Ratios measured in one run, written to var/bench.json
	$(BIN)/python -m tests.bench

chaos: $(VENV)/.installed-dev ## Every part dies under load (hours; needs KAFKA_HOME); a table, and var/chaos.json
	$(BIN)/python -m tests.chaos $(CHAOS)

contracts: $(VENV)/.installed ## Write JSON Schema, OpenAPI, AsyncAPI and the settings page anew
	$(BIN)/liaison schemas export

clean: ## Remove the set-up; data under ./var stays
	rm -rf $(VENV) build *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Liaison needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python $(SETUP)
	@echo "setting up $(VENV) (about two minutes the first time)"
	$(BIN)/python deploy/install_torch.py --constraints $(CONSTRAINTS)
	$(PIP) install --quiet --constraint $(CONSTRAINTS) --editable .
	$(BIN)/python -m compileall -q services schemas
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed $(SETUP)
	$(PIP) install --quiet --constraint $(CONSTRAINTS) --editable '.[dev]'
	@touch $@
