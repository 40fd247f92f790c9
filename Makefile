# `make` lists the targets. Every target builds .venv by itself where it needs it.

PYTHON ?= $(firstword $(foreach name, python3 python3.13 python3.12 python3.11 python3.10, \
            $(shell $(name) -c 'import sys; sys.version_info < (3, 10) or print("$(name)")' 2>/dev/null)))
BIN = .venv/bin
READY = .venv/.ready
# One thread each: arrays are small, and processes that wait for each other's threads take three times as long.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

.PHONY: help setup demo test test-all check format catalog bench legs clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(READY)  ## the development environment, .venv (about 2 GB)

demo: $(READY)  ## train real models on real data, in PyTorch and JAX; options: make demo ARGS="--quick"
	$(BIN)/lossary demo $(ARGS)

test: $(READY)  ## the fast tests and all examples in docstrings; options: make test ARGS="-k huber"
	$(PYTEST) $(ARGS)

test-all: $(READY)  ## every test, the slow ones too
	$(PYTEST) -m "" $(ARGS)

check: $(READY)  ## format, lint, spelling and types (on Python 3.11 or newer, with the types of NumPy 2.4)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/codespell
	$(BIN)/basedpyright
	$(BIN)/mypy

format: $(READY)  ## put the code into form and mend what ruff can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

catalog: $(READY)  ## write CATALOG.md from the docstrings
	$(BIN)/lossary catalog --write CATALOG.md

bench: $(READY)  ## speed, as ratios to the bare formula, torch and optax
	$(BIN)/python -m benchmarks $(ARGS)

legs: $(READY)  ## NumPy alone and JAX alone, on other Pythons
	$(BIN)/python -m tools.legs

clean:  ## remove what the tools left; .venv stays
	rm -rf .venv-* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist lossary-demo
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints-dev.txt tools/setup.py tools/environment.py
	@test -n "$(PYTHON)" || { echo "Lossary needs Python 3.10 or newer: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m tools.setup
	@touch $@
