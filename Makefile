# `make help` lists the targets. Everything is installed into .venv, nothing into the system.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DESIGN ?= designs/xpu_cpo.toml
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PYTEST = $(BIN)/pytest -n $(JOBS) --dist loadfile --junitxml build/junit/$@.xml

# The first interpreter of 3.11 to 3.13; `make install PYTHON=...` chooses another.
SUITABLE := 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c $(SUITABLE) 2>/dev/null && echo $$p && break; done)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install tools link test test-slow check bench lock clean distclean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target text; do printf '%-16s %s\n' "$$target" "$$text"; done

install: $(STAMP)  ## .venv with everything, from the pinned versions
	@true

# Stamped, so that nothing is installed again until the pins or the packaging change.
$(STAMP): pyproject.toml requirements.lock
	@$(MAKE) --no-print-directory tools PYTHON="$(PYTHON)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

tools:
	@missing=; for tool in g++ make perl; do \
		command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then \
		echo "missing:$$missing (Debian, Ubuntu: apt-get install g++ make perl)" >&2; exit 1; fi
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c $(SUITABLE); then \
		echo "needs Python 3.11, 3.12 or 3.13; found: $$($(or $(PYTHON),python3) --version 2>&1). Give one with" \
		"make install PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module (Debian, Ubuntu: apt-get install python3-venv)" >&2; \
		exit 1; }

link: install  ## the main job: a complete link; DESIGN=designs/xpu_cpo.toml
	$(BIN)/lightloom link $(DESIGN)

test: install  ## the test suite but its slow tests
	$(PYTEST) -m "not slow" --ignore tests/benchmarks

test-slow: install  ## the tests that take more than a minute each
	$(PYTEST) -m slow --ignore tests/benchmarks

check: install  ## ruff, pyright and the tests that need no simulator
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pytest -q tests/test_*.py tests/spec

bench: install  ## speed of co-simulation, circuit solvers and layout checks on this machine
	$(BIN)/python tests/benchmarks/bench_kernel.py
	$(BIN)/python tests/benchmarks/bench_fec.py
	$(BIN)/pytest -q -s tests/benchmarks

# Made on the oldest Python supported, since its releases also install on the newer ones.
lock:  ## requirements.lock anew from pyproject.toml; needs PYTHON=python3.11
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "needs Python 3.11")'
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --upgrade pip  # dependency groups need 25.1
	build/lock/bin/pip install --quiet --group dev --editable .
	{ sed -n '/^#/p' requirements.lock; build/lock/bin/pip freeze --exclude lightloom | grep -v '^#' | \
		sed 's/^openvaf-py==.*/& ; python_version < "3.13" and sys_platform == "linux"/'; \
		} > build/lock/pins && cp build/lock/pins requirements.lock

clean:  ## remove results and caches of tools
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## also remove .venv
	rm -rf $(VENV)
