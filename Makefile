# Two commands matter: `make retrain` and `make test`. Each sets itself up: Python 3.11 (or 3.12),
# make and git are all that a machine needs.

PYTHON := $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& { echo $$p; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
ARGS ?=

# Where packages are looked for besides the index: whatever pip is told. The machine thereby
# chooses the CPU or the CUDA build of torch; the lock names the version only.
LINKS = $${PIP_FIND_LINKS:-$$($(BIN)/pip config get global.find-links 2>/dev/null)}
INDEX = $${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null)}
EXTRA = $${PIP_EXTRA_INDEX_URL:-$$($(BIN)/pip config get global.extra-index-url 2>/dev/null)}
CERT = $${PIP_CERT:-$$($(BIN)/pip config get global.cert 2>/dev/null)}
# uv reads lists with commas where pip writes spaces.
UV = set -f; links="$(LINKS)" index="$(INDEX)" extra="$(EXTRA)" cert="$(CERT)"; \
	[ -z "$$links" ] || export UV_FIND_LINKS=$$(echo $$links | tr -s ' ' ','); \
	[ -z "$$index" ] || export UV_DEFAULT_INDEX=$$index; \
	[ -z "$$extra" ] || export UV_INDEX="$$extra"; \
	[ -z "$$cert" ] || export SSL_CERT_FILE=$$cert; \
	UV_INDEX_STRATEGY=unsafe-best-match VIRTUAL_ENV=.venv $(BIN)/uv

.PHONY: help setup retrain nightly test slow check format api lock ui bench chaos fuzz

help:  ## list what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */	/' | expand -t 12

setup: $(READY)  ## virtual environment with the locked packages

$(READY): requirements.lock pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.11 or 3.12 here; install one" >&2; exit 2; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet uv || echo "uv is not to be had: pip does its work, slower"
	@if [ -x $(BIN)/uv ]; then $(UV) pip install --quiet -r requirements.lock; \
		else $(BIN)/python -m pip install --quiet -r requirements.lock; fi
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

retrain: setup  ## all stages, from video to report; ARGS="--set sft.lr=1e-4 --stage sft"
	@$(BIN)/touchline retrain $(ARGS)

nightly: setup  ## champion and challengers on the benchmark; compare, gate, alert
	@$(BIN)/touchline nightly $(ARGS)

test: setup  ## the tests that take seconds; ARGS="-k word"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

slow: setup  ## all tests, those that train or wait included
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not gpu" $(ARGS)

check: setup  ## style and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyright

format: setup  ## put the code into shape
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

api: setup  ## write docs/api.md from the docstrings
	@$(BIN)/python docs/write_api.py

lock: setup  ## renew requirements.lock from pyproject.toml
	@$(UV) pip compile --quiet --upgrade --extra dev --python-version 3.11 --no-annotate \
		--no-header --no-emit-index-url --no-emit-find-links --output-file .lock pyproject.toml
	@{ echo "# Made by: make lock"; sed -E 's/^(torch==[^+]*)\+.*/\1/' .lock; } > requirements.lock
	@rm .lock

ui: setup  ## the pages of Prefect and MLflow, until Ctrl-C
	@$(BIN)/touchline ui

bench: setup  ## what decoding, bad lines and large tables cost
	@for one in $(filter-out benchmarks/chaos.py benchmarks/fuzzing.py,$(wildcard benchmarks/*.py)); do $(BIN)/python -m benchmarks.$$(basename $$one .py) || exit 1; done

chaos: setup  ## disturb small retrains; exit 1 on any harm; ARGS="--kills 200 --write" is the long form
	@$(BIN)/python -m benchmarks.chaos $(ARGS)

fuzz: setup  ## hostile files through every reader; ARGS="--cases 10000 --write" is the long form
	@$(BIN)/python -m benchmarks.fuzzing $(ARGS)
