# The commands of this project. Every target needs only python3 and make on the machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo run test rolling fuzz audit lint bench protos lock clean
.DEFAULT_GOAL := install

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 12) else "The gateway needs Python 3.11 or 3.12, this is %d.%d: name one with make install PYTHON=python3.12" % sys.version_info[:2])'
	@[ "$$($(BIN)/python --version 2>/dev/null)" = "$$($(PYTHON) --version)" ] || $(PYTHON) -m venv --clear $(VENV)
	@if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then \
		echo "installing with uv"; uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		echo "installing with pip"; $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

demo: install
	$(BIN)/python examples/demo.py

run: install
	$(BIN)/gateway serve

test: install
	$(BIN)/python -m pytest

# Needs haproxy besides: apt-get install haproxy.
rolling: install
	$(BIN)/python -m pytest -m haproxy

# Trials with examples that are others each time; SEED repeats those of one run. By default an hour on two cores.
SEED ?=
CASES ?= 300
EXAMPLES ?= 2000
MUTANTS ?= 20000
fuzz: install
	PYTHONPATH=tests $(BIN)/python -m fuzz --cases $(CASES) --examples $(EXAMPLES) --mutants $(MUTANTS) $(if $(SEED),--seed $(SEED))

# Asks PyPI for known weaknesses of everything that is locked; fails, too, where one could not be asked for.
audit: install
	$(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r requirements.lock

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python protos/generate.py --check

bench: install
	$(BIN)/python -m bench

protos: install
	$(BIN)/python protos/generate.py

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--extra embedded --extra dev --extra bench pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .gateway .bench
