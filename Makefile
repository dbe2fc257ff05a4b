# The two commands of the README: `make demo` and `make test`. Both set up their own environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OUT ?= out/demo

.PHONY: help demo test lint format sanitize instructions bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml setup.py $(wildcard ext/*.px? ext/*.h)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# A second call finds the batch there and only shows its summary again.
demo: $(STAMP)  ## run a Sobol batch of 16 demo worlds, 2,000 ticks each, into out/demo
	$(BIN)/python scripts/run_batch.py --world demo --space default --sampler sobol \
	    -n 16 --ticks 2000 --interval 50 --seed 1 --out $(OUT) \
	    $(if $(wildcard $(OUT)/batch.json),--resume)

test: $(STAMP)  ## run the tests
	$(BIN)/python -m pytest -n auto

lint: $(STAMP)  ## ruff, format check and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)  ## apply the format and the safe lint fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sanitize: $(STAMP)  ## the compiled core's tests under the address and undefined-behaviour sanitizers
	bash tests/isolated/sanitize.sh $(BIN)/python

instructions: $(STAMP)  ## count the instructions telemetry adds; fail above 2 % (needs valgrind)
	$(BIN)/python -m benchmarks.instructions --limit 2

bench: $(STAMP)  ## measure what telemetry costs (prints tables, writes benchmarks/results)
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m benchmarks

clean:  ## remove what the targets made
	rm -rf $(VENV) build dist out *.egg-info server/*.egg-info
