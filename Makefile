# Two commands matter: make run, make test. Everything they need is set up on the way, once.

PYTHON ?= python3
TESTS ?=
export PYTHON
# Where it is set, every process would compile the console anew, which is a second of each start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test bench check lock clean
.DELETE_ON_ERROR:

run: .venv/runs static/vendor/console/of
	@exec .venv/bin/console run

test: .venv/tests static/vendor/console/of
	@scripts/chromium.sh
	@.venv/bin/python scripts/test.py $(TESTS)

bench: .venv/tests static/vendor/console/of
	@.venv/bin/python -m bench

check: .venv/tests static/vendor/console/of
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/console migrate
	.venv/bin/console check

# Stamps: a second start does nothing here.
.venv/runs: requirements.txt scripts/python.sh
	@echo "Setting up Python packages ..."
	@scripts/python.sh requirements.txt
	@touch $@

.venv/tests: requirements-dev.txt scripts/python.sh
	@echo "Setting up Python packages and the tests' own ..."
	@scripts/python.sh requirements-dev.txt
	@touch $@ .venv/runs

static/vendor/ready: package-lock.json scripts/vendor.py | .venv/runs
	@echo "Fetching front-end files ..."
	@.venv/bin/python scripts/vendor.py
	@touch $@

static/vendor/console/of: static/vendor/ready scripts/join.py $(wildcard static/css/*.css static/js/*.js static/js/*/*.js)
	@.venv/bin/python scripts/join.py

# Pins again everything in requirements*.in, for every platform and Python from 3.11 on, without addresses.
lock:
	@$(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install --quiet uv
	@for set in requirements requirements-dev; do \
	  .venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
	    --custom-compile-command "make lock" $$set.in -o $$set.txt || exit 1; \
	done
	@npm install --package-lock-only

clean:
	rm -rf .venv node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache .test
