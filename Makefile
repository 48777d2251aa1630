# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUN_HOME ?= var/demo
# Test files run side by side; each process wants some 3 GiB.
WORKERS ?= 2

.PHONY: setup setup-dev demo test quick lint types coverage notebooks bench docs wheel wheel-demo locks clean

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
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

quick: setup-dev
	$(BIN)/python -m pytest -q -m "not long and not spark and not dask and not postgres and not browser"

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

# Which lines the quick tests reach; htmlcov/index.html shows them. In turns of its own, as it slows the tests.
coverage: setup-dev
	$(BIN)/python -m pytest -q -m "not long and not spark and not dask and not postgres and not browser" \
		--cov --cov-report=term:skip-covered --cov-report=html

# The site as plain files in site/; open site/index.html.
docs: setup-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Runs all cells and keeps what they show. RISK_MODEL_DATA: the folder that holds chicago_food/.
notebooks: setup-dev
	$(BIN)/python notebooks/run.py

# The same commit gives the same bytes.
wheel: setup-dev
	rm -rf build dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m pip wheel --quiet --no-deps \
		--no-build-isolation --disable-pip-version-check --wheel-dir dist .
	rm -rf build
	sha256sum dist/*.whl

# What a user does who has only the wheel: an empty environment, pip install, the demonstration.
wheel-demo: wheel
	rm -rf var/wheel && $(PYTHON) -m venv var/wheel/environment
	cd var/wheel && environment/bin/pip install --quiet --disable-pip-version-check ../../dist/*.whl
	cd var/wheel && environment/bin/risk-model demo --home demo

# With the uv of an earlier setup-dev. Keeps what is pinned wherever it still fits, and extras (pip checks them).
locks:
	$(BIN)/uv pip compile setup.cfg --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --no-strip-extras \
		-c locks/base.txt -o locks/base.txt
	$(BIN)/uv pip compile setup.cfg --extra dev --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --no-strip-extras \
		-c locks/dev.txt -o locks/dev.txt

# NAME: features, single, models, explain, plan, serve, faults, province
bench: setup-dev
	$(BIN)/python -m benchmarks $(NAME) $(if $(QUICK),--quick)

clean:
	rm -rf var site htmlcov dist .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
