# What a contributor types. `make check` is what CI demands before it runs all tests.
BIN := .venv/bin

.PHONY: help install docs gate check lint format types contracts rules coverage nightly bench test demo up clean

help:  ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install:  ## Install into .venv, with what the tests need
	@python3 run.py test --version

check: lint types contracts rules  ## Everything that needs no database and no browser
	@$(BIN)/pytest -q tests/domain tests/schemas

lint:  ## Style and mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format:  ## Put the code into its form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

types:  ## Types, strictly
	@$(BIN)/mypy
	@$(BIN)/mypy run.py

contracts:  ## Who may import whom
	@$(BIN)/lint-imports

rules:  ## Layout, sizes, and the rules that linters cannot see
	@$(BIN)/pytest -q tests/test_layout.py tests/test_budget.py tests/test_architecture.py

coverage:  ## The pure modules, each covered by its own tests
	@$(BIN)/python tests/pure_coverage.py

docs:  ## Write the generated tables in the docs anew
	@$(BIN)/python -m tests.documents

gate:  ## What CI runs
	@.ci/run

nightly:  ## The promises of docs/reliability.md, at full length
	@NEXUS_NIGHTLY=1 $(BIN)/pytest -q -m bar --durations=20
	@NEXUS_NIGHTLY=1 $(BIN)/pytest -q -m "not bar" -rA --show-capture=stdout --durations=10 tests/door
	@NEXUS_NIGHTLY=1 $(BIN)/pytest -q -m "not bar" tests/domain tests/forest tests/projections/test_captures.py tests/dashboard/test_as_of.py tests/dashboard/test_markup.py tests/e2e/test_accessibility.py

bench:  ## The promised numbers, side by side (docs/performance.md), about ten minutes
	@$(BIN)/python -m tests.bench

test:  ## All tests
	@python3 run.py test

demo:  ## Play believable sessions, without a key and without a network
	@python3 run.py demo

up:  ## Start everything
	@python3 run.py

clean:  ## Remove what tools left behind, but not .venv
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
