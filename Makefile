# Every target sets itself up: a fresh clone needs nothing but Python 3.11 or newer and make.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint test-long evidence drafting-evidence fuzz round-trips bench-app hostile-app decision-evidence decision-loop kill-app bench ray-evidence clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
	@for script in marks clusters selection fit_coverage gaps score intervals drafts review_order; do echo "== $$script"; PYTHONPATH=. $(BIN)/python tests/evidence/$$script.py || exit 1; done

drafting-evidence: $(STAMP) ## figures of drafting alone: landing, bills, faults, kills, injections, secrets
	@PYTHONPATH=. $(BIN)/python tests/evidence/drafts.py

decision-evidence: $(STAMP) ## intervals of judgements with a judge, what to judge next (needs ../shared/data; RUNS="--runs 100" for less)
	@PYTHONPATH=. $(BIN)/python tests/evidence/decisions.py $(RUNS)

decision-loop: $(STAMP) ## from logs to a decision, every command and what it prints; shadow runs that are killed (needs ../shared/data)
	@PYTHONPATH=. $(BIN)/python tests/evidence/decision.py
	@PYTHONPATH=. $(BIN)/python tests/evidence/shadow.py

fuzz: $(STAMP) ## log formats, redaction and damaged logs at length (minutes)
	@for script in formats redaction fuzz_readers; do echo "== $$script"; PYTHONPATH=. $(BIN)/python tests/evidence/$$script.py || exit 1; done

round-trips: $(STAMP) ## hostile samples through the real consumer of every export (installs them under build/)
	@PYTHONPATH=. $(BIN)/python tests/evidence/round_trips.py

bench: $(STAMP) ## embedding, scale, incremental and start-up on this machine (BENCH="--sizes 10000 100000" for scale)
	@mkdir -p build/bench
	@for script in embedding incremental startup; do echo "== $$script"; PYTHONPATH=. $(BIN)/python tests/benchmarks/$$script.py --json build/bench/$$script.json || exit 1; done
	@echo "== scale" && PYTHONPATH=. $(BIN)/python tests/benchmarks/scale.py --json build/bench/scale.json $(BENCH)

ray-evidence: $(STAMP) ## Ray against one process on 100,000 inputs; a worker killed; two nodes (installs Ray)
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[ray]'
	@PYTHONPATH=. $(BIN)/python tests/evidence/ray_engine.py

bench-app: $(STAMP) ## what the review app costs at 100,000 drafts, in a real terminal (BENCH="--drafts 1000000" for more)
	@PYTHONPATH=. $(BIN)/python tests/benchmarks/app.py $(BENCH)

hostile-app: $(STAMP) ## 100,000 hostile strings through every widget of the app, in a real terminal (about half an hour)
	@PYTHONPATH=. $(BIN)/python tests/evidence/hostile_app.py

kill-app: $(STAMP) ## 200 kills by seven signals on every screen: terminal modes left on, decisions lost (ten minutes)
	@$(BIN)/python -m pytest tests/curation_tui/test_guardian.py -m long -q -s

clean: ## remove what the targets made
	@rm -rf .venv build dist demo
