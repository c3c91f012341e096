# Two commands on a fresh machine: `make demo` and `make test`. Needs Python 3.11 or newer; uses uv where it is present.
PYTHON ?= python3
VENV   ?= .venv
MOTO   ?= .venv-moto
BIN    := $(VENV)/bin
OUT    ?= mlbmi-demo
# Tests run on all processors; the tests of a file stay together, as they share what they simulate.
PYTEST_ARGS ?= -n auto --dist loadfile
UV     := $(shell command -v uv 2>/dev/null)

.PHONY: help demo test moto check format bench docs notebooks constraints clean

help:
	@echo "make demo    build the simulated reserve and map it into $(OUT)/ (no network beyond the package index, no account)"
	@echo "make test    run every test; a test whose server is absent skips with its reason"
	@echo "make moto    the S3 server that some tests start, in an environment of its own"
	@echo "make check   formatting, lint, types and the directions of import"
	@echo "make bench   time and memory beside the original notebook's method and beside other libraries"
	@echo "make docs    run every example of the documentation"
	@echo "make notebooks  run the notebooks on the simulated reserve, and write them as pages with figures"

demo: $(VENV)/.runtime
	$(BIN)/mlbmi demo --out $(OUT)

test: $(VENV)/.test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

moto: $(MOTO)/.ready

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.test
	$(BIN)/python benchmarks/run.py

notebooks: $(VENV)/.test
	$(BIN)/python notebooks/render.py

docs: $(VENV)/.test
	$(BIN)/python -m pytest tests/contract/test_docs.py src -q

# --- set-up: exact versions, each file checked against its hash -----------------------------------------------------------------
ifdef UV
make_venv = uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
install   = uv pip install --quiet --compile-bytecode --python $(BIN)/python
else
make_venv = $(PYTHON) -m venv $(VENV)
install   = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found. Try: make PYTHON=python3.12 demo" >&2; exit 2; }
	$(make_venv)

$(VENV)/.runtime: constraints.txt pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV): about a minute, once" >&2
	$(install) --no-deps --require-hashes -r constraints.txt
	$(install) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: constraints-test.txt $(VENV)/.runtime
	@echo "Setting up $(VENV) for tests: about a minute, once" >&2
	$(install) --no-deps --require-hashes -r constraints-test.txt
	@touch $@

# moto pins what the package does not, so it lives apart; tests find it there.
$(MOTO)/.ready: VENV := $(MOTO)
$(MOTO)/.ready: BIN := $(MOTO)/bin
$(MOTO)/.ready: constraints-moto.txt
	$(make_venv)
	$(install) --no-deps --require-hashes -r constraints-moto.txt
	@touch $@

# Anew from pyproject.toml, for every platform and Python from 3.11 on. Needs uv.
compile = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --constraints constraints.in
constraints:
	$(compile) pyproject.toml --extra build --output-file constraints.txt
	$(compile) pyproject.toml --extra build --extra test --constraints constraints.txt --output-file constraints-test.txt
	$(compile) tests/integration/servers/moto.in --output-file constraints-moto.txt

clean:
	rm -rf $(VENV) $(MOTO) build dist $(OUT)
