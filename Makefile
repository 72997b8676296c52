# Everything a newcomer needs: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export MUSTER_ENV ?= development

.DEFAULT_GOAL := help
.PHONY: help run demo test test-long bench bench-pages strings lint format clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14

# The locks name every package, so nothing is resolved here: what they say is installed, and then checked to fit together.
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCKED := $(PIP) install --quiet --no-deps --require-hashes

$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) -r requirements.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	$(PIP) check
	@touch $@

$(VENV)/.tested: $(VENV)/.installed requirements-test.txt
	$(LOCKED) -r requirements-test.txt
	$(PIP) check
	@touch $@

run: $(VENV)/.installed ## Muster on :8000 with a sandbox host on :8001, its worker, and something to look at
	@$(BIN)/muster demo

demo: $(VENV)/.installed ## the main job, unattended, checked on the host's own roster (LIE=name lets the host lie)
	@$(BIN)/muster demo --check $(if $(LIE),--lie $(LIE)) --port $(or $(PORT),8000) --sandbox-port $(or $(SANDBOX_PORT),8001)

test: $(VENV)/.tested ## everything: style, types, imports, both databases, the browser
	@BIN=$(BIN) bash tests/run.sh

test-long: $(VENV)/.tested ## the long counts, whole
	@MUSTER_LONG=1 $(BIN)/python -m pytest -m long -s

bench: $(VENV)/.tested ## figures as ratios against a floor in the same run; also bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

bench-pages: $(VENV)/.tested ## how fast the pages are, in Chromium, with 100,000 people (PEOPLE=, UNITS=)
	@$(BIN)/python -m tests.bench.pages --people $(or $(PEOPLE),100000) --units $(or $(UNITS),5000) $(ARGS)

strings: $(VENV)/.tested ## collect the words of the pages for translators: plugin/translations/messages.pot
	@head -14 plugin/translations/messages.pot > build.pot
	@$(BIN)/pybabel -q extract -F babel.cfg --no-location --sort-output --omit-header -o build.words.pot .
	@cat build.pot build.words.pot > plugin/translations/messages.pot; rm build.pot build.words.pot

lint: $(VENV)/.tested ## style, types, imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: $(VENV)/.tested ## put the code into its usual form
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean: ## forget the environment and the demonstration's data
	rm -rf $(VENV) var build *.egg-info
