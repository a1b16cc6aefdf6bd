# One command each. The first one makes .venv; python3 (3.11 or newer) with venv is all that it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEVELOPING := $(VENV)/.developing
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: play check lint test slice verify bench bench-peers pictures documents clean

play: $(INSTALLED)
	@$(BIN)/bandviz

check: lint test slice

lint: $(DEVELOPING)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(DEVELOPING)
	$(BIN)/pytest -q -n auto --dist worksteal

# A minute of `verify`: two scenarios, five modes, four orders of moves, every task killed at every step.
slice: $(DEVELOPING)
	$(BIN)/bandviz verify --exhaustive --scenario kill-and-rewind --scenario overtake

verify: $(DEVELOPING)
	$(BIN)/bandviz verify --exhaustive
	$(BIN)/bandviz verify --zoo

bench: $(DEVELOPING)
	@$(BIN)/python -m bench

bench-peers: $(DEVELOPING)
	@$(BIN)/python -m bench.peers

pictures: $(INSTALLED)
	$(BIN)/python docs/pictures.py

documents: $(INSTALLED)
	$(BIN)/python -m bandviz.trace.document > docs/trace-format.md
	$(BIN)/python -m bandviz.lab.zoo.document > docs/zoo.md

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(DEVELOPING): $(INSTALLED)
	$(PIP) --editable '.[dev]'
	@touch $@
