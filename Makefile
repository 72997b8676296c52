# Everything a newcomer needs: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export MUSTER_ENV ?= development

.DEFAULT_GOAL := help
.PHONY: help run demo test test-long coverage bench bench-pages bench-administrators bench-commands strings lint format clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 24

# Debian keeps a part of Python that `venv` needs in a package of its own; where we may, we install it.
VENV_OF_DEBIAN = { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv; } \
  || { echo "Python's venv is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

# The locks name every package, so nothing is resolved here: what they say is installed, and then checked to fit together.
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCKED := $(PIP) install --quiet --no-deps --require-hashes

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(VENV_OF_DEBIAN)
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) -r requirements.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	$(PIP) check
	@touch $@

$(VENV)/.tested: $(VENV)/.installed requirements-test.txt
	$(LOCKED) -r requirements-test.txt
	$(PIP) check
	@touch $@

run: $(VENV)/.installed ## Muster on :8000 with a sandbox host on :8001 (PORT=, SANDBOX_PORT=), its worker, and something to look at
	@$(BIN)/muster demo --port $(or $(PORT),8000) --sandbox-port $(or $(SANDBOX_PORT),8001) $(ARGS)

demo: $(VENV)/.installed ## the main job, unattended, checked on the host's own roster (LIE=name lets the host lie)
	@$(BIN)/muster demo --check $(if $(LIE),--lie $(LIE)) --port $(or $(PORT),8000) --sandbox-port $(or $(SANDBOX_PORT),8001)

test: $(VENV)/.tested ## everything: style, types, imports, both databases, the browser
	@BIN=$(BIN) bash tests/run.sh

test-long: $(VENV)/.tested ## the long counts, whole
	@MUSTER_LONG=1 $(BIN)/python -m pytest -m "long or one_database" -s

# Branches that the tests of two rooms reach by themselves, on SQLite. Apart from `make test`: see docs/decisions/0101.
COVERED := certifications population
coverage: $(VENV)/.tested ## lines and branches that the tests of pure rooms reach, with a floor
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -k "not postgres" $(COVERED:%=tests/%) $(COVERED:%=--cov=plugin/%) \
	  --cov-branch --cov-report=term:skip-covered --cov-fail-under=79

bench: $(VENV)/.tested ## figures as ratios against a floor in the same run; also bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

bench-pages: $(VENV)/.tested ## how fast the pages are, in Chromium, with 100,000 people (PEOPLE=, UNITS=)
	@$(BIN)/python -m tests.bench.pages --people $(or $(PEOPLE),100000) --units $(or $(UNITS),5000) $(ARGS)

bench-administrators: $(VENV)/.tested ## many administrators at once beside a bare page: 20 on SQLite, 200 on PostgreSQL
	@$(BIN)/python -m tests.bench.administrators $(ARGS)

bench-commands: $(VENV)/.tested ## processor time that commands take to start
	@$(BIN)/python -m tests.bench.commands

# Beside gettext: sentences that are stored (core/text/stored.py), and what a refused launch says.
WORDS := -k later -k counted:1,2 -k LtiRejected:2 -k Wait -k Locked -k Refused -k RefusedReport -k Garbled -k Unclear -k MailTrouble -k ServiceTrouble -k CallFailed

strings: $(VENV)/.tested ## collect the words of the pages for translators (messages.pot), and bring every catalogue up to them
	@head -14 plugin/translations/messages.pot > build.pot
	@$(BIN)/pybabel -q extract -F babel.cfg $(WORDS) --no-location --sort-output --omit-header -o build.words.pot .
	@cat build.pot build.words.pot > plugin/translations/messages.pot; rm build.pot build.words.pot
	@$(BIN)/python -m tests.catalogues update

lint: $(VENV)/.tested ## style, weaknesses (ruff's S rules), types, imports, secrets
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports && $(BIN)/python -m tests.secrets_scan

format: $(VENV)/.tested ## put the code into its usual form
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean: ## forget the environment and the demonstration's data
	rm -rf $(VENV) var build *.egg-info
