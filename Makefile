# Two commands lead everywhere: `make demo` and `make test`. Both set up .venv by themselves.
# Another Python: PYTHON=python3.12 make setup. Another CUDA build of torch: see "GPU" in the README.

PYTHON ?= python3
DEMO_ARGS ?=
TEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# A stamp is newer than what it was made from, so that setting up again does nothing.
RUNTIME := $(VENV)/.runtime-ready
TOOLS := $(VENV)/.tools-ready
INGREDIENTS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format clean

help: ## show this list
	@echo "make <target>, where target is"
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  %-8s %s\n' "$$name" "$$text"; done

setup: $(TOOLS) ## install finetrie and the development tools into .venv

demo: $(RUNTIME) ## tune, measure and report on the embedded data: classification, then entities (offline, minutes)
	@$(BIN)/finetrie demo $(DEMO_ARGS)
	@$(BIN)/finetrie demo --task ner $(DEMO_ARGS)

# A process for each core, with one thread each: two that share all cores are slower than one after the other.
test: $(TOOLS) ## run all tests; a part of them: make test TEST_ARGS="tests/unit/data -x"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal $(TEST_ARGS)

lint: $(TOOLS) ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(TOOLS) ## rewrite the source in the project's style
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

clean: ## remove .venv, caches and build outputs; runs and demo results stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests scripts -name __pycache__ -prune -exec rm -rf {} +

$(RUNTIME): $(INGREDIENTS)
	@$(call make_venv)
	@echo "installing finetrie into $(VENV) (about 1.5 GB with torch for CPU; more with CUDA) ..." >&2
	@$(PIP) install --constraint constraints.txt --editable . >&2
	@touch $@

$(TOOLS): $(INGREDIENTS) $(RUNTIME)
	@echo "installing the development tools into $(VENV) ..." >&2
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Ends with a sentence instead of a traceback where Python is missing, too old or without venv.
define make_venv
	command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "error: no $(PYTHON) on this machine; install Python 3.10 or newer, or name it: PYTHON=python3.12 make $(MAKECMDGOALS)" >&2; exit 2; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "error: $(PYTHON) is $$($(PYTHON) --version 2>&1), finetrie needs 3.10 or newer; name another one: PYTHON=python3.12 make $(MAKECMDGOALS)" >&2; exit 2; }; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
	  echo "error: $(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 2; }
endef
