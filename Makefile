# Everything happens in .venv, made on first use and brought up to date when pyproject.toml or constraints.txt change.
# ARGS go to the command of the target: make lab ARGS="--no-browser --port 9999"

PYTHON ?= python3
ARGS ?=
python := .venv/bin/python
# Tests in a browser run after the others, two at a time: Chromium and a kernel keep more than one core busy.
browser := $(wildcard tests/*/test_*browser.py)
# The tests of a file run on one core, because they share fixtures; tests/conftest.py lists the exceptions.
parallel := -n auto --dist loadscope --no-loadscope-reorder

# A photo that is uploaded is one message of the browser, which tornado drops beyond 10 MB: here up to 512 MB.
uploads := tornado_settings='{"websocket_max_message_size": 536870912}'
# A kernel that nobody has looked at for ten minutes ends, asked for every minute.
culling := --MappingKernelManager.cull_idle_timeout=600 --MappingKernelManager.cull_interval=60

.PHONY: help figures check test lint-js lab dashboard benchmark clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "  %-16s%s\n", $$1, $$2 }'

figures: .venv/installed ## write the four figures to figures/
	.venv/bin/frantools figures $(ARGS)

check: .venv/installed-test ## lint, check the types, then run the fast half of the tests
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	$(python) -m pytest $(parallel) -m "not slow" frantools tests $(ARGS)

test: .venv/installed-test ## lint, check the types, then run all tests and notebooks
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	$(python) -m pytest $(parallel) --nbval --nbval-current-env $(browser:%=--ignore %) $(ARGS)
	$(python) -m pytest -n 2 --dist worksteal $(browser)

lint-js: ## lint the viewer's JavaScript and check its types, with what npm brings; without npm, say so
	@if ! command -v npm > /dev/null; then echo "The JavaScript was not linted: npm was not found."; \
	elif [ ! node_modules/.package-lock.json -nt package-lock.json ] && ! timeout 120 npm ci --no-progress --fetch-retries=1; then \
		echo "The JavaScript was not linted: npm did not bring what package.json names."; \
	else npm run lint; fi

lab: .venv/installed ## open JupyterLab on the notebooks
	$(python) -m jupyterlab notebooks --ServerApp.$(uploads) $(ARGS)

dashboard: .venv/installed-dashboard ## serve the notebooks as pages without code (voila)
	$(python) -m voila notebooks --Voila.$(uploads) $(culling) $(ARGS)

benchmark: .venv/installed ## measure the engine beside a plain port (ARGS="--quick": small sizes)
	$(python) benchmarks/run.py $(ARGS)

clean: ## remove .venv and the tools' caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

# pip is what a venv gets last: an interrupted one is made again.
.venv/bin/pip:
	@command -v $(PYTHON) > /dev/null || { echo "Python 3.11 or newer is needed, and $(PYTHON) was not found." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, and $(PYTHON) is %d.%d; name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv

install = $(python) -m pip install --disable-pip-version-check --constraint constraints.txt --editable

.venv/installed: pyproject.toml constraints.txt | .venv/bin/pip
	$(install) .
	@touch $@

.venv/installed-%: pyproject.toml constraints.txt | .venv/bin/pip
	$(install) ".[$*]"
	@touch .venv/installed $@
