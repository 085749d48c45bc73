.DEFAULT_GOAL := help
.PHONY: help install report test test-full check lock notebooks lab bench peers pictures validate docs clean
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= auto
# the machine's own certificates where it has any: a company's proxy is trusted there and nowhere else
CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),--system-certs)
TRACE ?=
MODEL ?=

help: ## show every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(STAMP) ## make .venv with everything in it (a no-op when nothing changed)

$(STAMP): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "install: no python3 found; on Debian: apt-get install python3 python3-venv" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "install: $(PYTHON) is older than Python 3.11; run: make install PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "install: $(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "installing into $(VENV) (about half a minute)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.lock)"
	@$(BIN)/uv pip install $(CERTS) --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock
	@$(BIN)/uv pip install $(CERTS) --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -m compileall -q bedrock_lab
	@touch $@

report: install ## the decision report; TRACE=path MODEL=id for your own traffic, else two synthetic weeks
	@$(BIN)/bedrock-lab report notebooks/01_which_option.ipynb $(if $(TRACE),-p trace="$(TRACE)" -p prices_as_of=$$(date +%F),-p deferrable=0.2) $(if $(MODEL),-p model="$(MODEL)")

test: install ## the test suite, parallel (Chromium tests say so when they are skipped)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -q
	$(BIN)/python -m pytest --nbval -p no:cacheprovider -q notebooks

test-full: install ## the same with every large count run whole
	BEDROCK_LAB_FULL=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -q
	$(BIN)/python -m pytest --nbval -p no:cacheprovider -q notebooks

check: install ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

lock: install ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile $(CERTS) --quiet --universal --python-version 3.11 --all-extras --no-annotate --no-header pyproject.toml --output-file requirements.lock

notebooks: install ## run every notebook in place and store its outputs
	$(BIN)/python -m bedrock_lab.views.store notebooks

lab: install ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir notebooks

bench: install ## measure speed as ratios beside a named peer or limit
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/local.py
	$(BIN)/python benchmarks/client.py
	$(BIN)/python benchmarks/measure.py
	$(BIN)/python benchmarks/cache.py
	$(BIN)/python benchmarks/route.py
	$(BIN)/python benchmarks/logs.py
	$(BIN)/python benchmarks/batch.py
	$(BIN)/python benchmarks/predict.py
	$(BIN)/python benchmarks/queues.py
	$(BIN)/python benchmarks/plan.py

peers: install ## what the benchmarks and examples compare with, each in an environment of its own under .venv-peers
	@for wanted in examples/local/requirements-*.txt benchmarks/requirements-*.txt; do \
	  peer=$$(basename $$wanted .txt | sed 's/^requirements-//'); \
	  test -x .venv-peers/$$peer/bin/python || $(PYTHON) -m venv .venv-peers/$$peer; \
	  $(BIN)/uv pip install $(CERTS) --quiet --python .venv-peers/$$peer/bin/python -r $$wanted || exit 1; \
	done

validate: install ## predict public latencies and write docs/validation.md anew
	$(BIN)/python docs/validate.py

pictures: install ## draw the pictures of the README from a real run
	$(BIN)/python docs/pictures.py

docs: install ## build the site of the documents under docs/_build/html
	$(BIN)/python docs/make_reference.py
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo docs/_build/html/index.html

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
