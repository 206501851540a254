# Each target is one thin line over .venv/bin/lab, ruff, mypy or pytest. GNU make answers 2 to every failure:
# the lab prints its own exit code last ("lab exit N: reason"); scripts call .venv/bin/lab.
PYTHON ?= python3
SCENARIO ?= upgrade
WORKFLOW ?= nightly
BENCH ?= trial
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help lab list plan doctor play validate test lint format selftest bench clean lock schema

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

lab: $(VENV)/lab.stamp ## Run a scenario: make lab SCENARIO=upgrade [ARGS="--trials 10 --workers 2"]
	@$(BIN)/lab run $(SCENARIO) $(ARGS)

list: $(VENV)/lab.stamp ## List scenarios and products
	@$(BIN)/lab list

plan: $(VENV)/lab.stamp ## Show what a scenario would do: make plan SCENARIO=upgrade
	@$(BIN)/lab plan $(SCENARIO) $(ARGS)

doctor: $(VENV)/lab.stamp ## Say what this machine can run, and why not the rest
	@$(BIN)/lab doctor $(ARGS)

play: $(VENV)/lab.stamp ## Play a CI workflow here: make play [WORKFLOW=nightly] [ARGS="--only cells --cells 2"]
	@$(BIN)/python .github/play $(WORKFLOW) $(ARGS)

validate: $(VENV)/lab.stamp ## Check every scenario and product definition
	@$(BIN)/lab validate

test: $(VENV)/dev.stamp ## Run all tests: make test [ARGS="tests/unit -x"]
	@$(BIN)/python -m pytest $(or $(ARGS),-n 2)

lint: $(VENV)/dev.stamp ## ruff (format and rules) and mypy strict
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(VENV)/dev.stamp ## Let ruff format and mend what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

selftest: $(VENV)/lab.stamp ## Plant every defect and show that the lab catches it
	@$(BIN)/lab selftest $(ARGS)

bench: $(VENV)/dev.stamp ## Measure: make bench [BENCH=trial|systemd|host|llm_mock] [ARGS="--pairs 8"]
	@$(BIN)/python -m bench.$(BENCH) $(ARGS)

schema: $(VENV)/lab.stamp ## Write the JSON Schemas of scenario and product files anew
	@$(BIN)/lab schema --write

clean: $(VENV)/lab.stamp ## Remove what dead runs left and what was kept too long
	@$(BIN)/lab clean $(ARGS)

lock: $(VENV)/dev.stamp ## Compile the hash-pinned requirement files anew
	@$(BIN)/python -m uv pip compile $(LOCK_FLAGS) --all-extras pyproject.toml -o requirements/dev.txt
	@$(BIN)/python -m uv pip compile $(LOCK_FLAGS) -c requirements/dev.txt pyproject.toml -o requirements/lab.txt
	@$(BIN)/python -m uv pip compile $(LOCK_FLAGS) -c requirements/dev.txt --group mock -o requirements/llm-mock.txt
	@echo pipx | $(BIN)/python -m uv pip compile $(PIPX_LOCK_FLAGS) - -o requirements/pipx.txt

.PHONY: lock-sdks
lock-sdks: $(VENV)/dev.stamp ## Compile anew what pins the SDKs that are tried against the LLM mock
	@for asked in requirements/sdk-*.in; do \
	  $(BIN)/python -m uv pip compile $(LOCK_FLAGS) $$asked -o $${asked%.in}.txt || exit; \
	done

LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-header
# Not universal: one set of pipx has to run under every Python that a trial may have.
PIPX_LOCK_FLAGS := --quiet --python-version 3.9 --generate-hashes --no-header

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "lab needs Python 3.11 to 3.13; name one with: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "lab needs the venv module: sudo apt-get install python3-venv" >&2; exit 3; }
	@echo "setting up $(VENV), once …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/lab.stamp: requirements/lab.txt pyproject.toml | $(VENV)/bin/python
	@$(PIP) --require-hashes -r requirements/lab.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/lab.stamp | $(VENV)/bin/python
	@echo "adding what tests need, once …"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
