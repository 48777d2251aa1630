# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUN_HOME ?= var/demo

.PHONY: setup setup-dev demo test quick lint types notebooks bench docs clean

# The stamp is newer than the locks when the environment is as they say.
setup: $(VENV)/.base
setup-dev: $(VENV)/.dev

$(VENV)/.base: locks/base.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/base.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.dev: locks/dev.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@ $(VENV)/.base

demo: setup
	$(BIN)/risk-model demo --home $(RUN_HOME)

test: setup-dev lint types
	$(BIN)/python -m pytest

quick: setup-dev
	$(BIN)/python -m pytest -q -m "not long and not spark and not dask and not postgres and not browser"

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

# NAME: features, single, models, explain, plan, serve, province
bench: setup-dev
	$(BIN)/python -m benchmarks $(NAME) $(if $(QUICK),--quick)

clean:
	rm -rf var .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
