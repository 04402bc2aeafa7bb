# Every target sets itself up: a fresh clone needs nothing but Python 3.11 or newer and make.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint test-long evidence fuzz clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## build .venv with everything (about a minute once the packages are there)

$(STAMP): pyproject.toml constraints.txt
	@echo "== building .venv"
	@test -d .venv || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[all]' --group lint --group test
	@touch $@

demo: $(STAMP) ## the whole job on the sample logs: offline, no key, under a minute
	@echo "== groundset demo"
	@$(BIN)/groundset demo demo

test: $(STAMP) lint ## lint, types, layout, and all tests that take seconds
	@echo "== tests"
	@$(BIN)/python -m pytest -n 2 -m "not long"

lint: $(STAMP)
	@echo "== ruff, mypy --strict, import-linter"
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

test-long: $(STAMP) ## the long ones: kills, fuzzing, real consumers
	@$(BIN)/python -m pytest -m long

evidence: $(STAMP) ## quality figures over labelled data (needs ../shared/data)
	@$(BIN)/python -m pip install --quiet -c constraints.txt --group evidence
	@for script in clusters selection fit_coverage gaps score intervals; do echo "== $$script"; PYTHONPATH=. $(BIN)/python tests/evidence/$$script.py || exit 1; done

fuzz: $(STAMP) ## log formats, redaction and damaged logs at length (minutes)
	@for script in formats redaction fuzz_readers; do echo "== $$script"; PYTHONPATH=. $(BIN)/python tests/evidence/$$script.py || exit 1; done

clean: ## remove what the targets made
	@rm -rf .venv build dist demo
