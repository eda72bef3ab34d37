# `make run` reproduces the default study on a laptop; `make test` runs the test suite. Both install what they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help in-git run test rehearse lint docs s3 test-s3 lock clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: in-git $(VENV)/.run ## the default study, by DVC: only what changed is made again
	dvc repro
	@kedro summary

test: $(VENV)/.dev ## the whole test suite, but for the remote in S3
	pytest -n 5 --dist loadfile --no-loadscope-reorder # more than cores: some tests wait

rehearse: $(VENV)/.dev ## the studies of a GPU, of a machine of 8 and of a cluster, whole and small, here
	kedro rehearse --env gpu
	kedro rehearse --env node
	kedro rehearse --env paper

lint: $(VENV)/.dev ## what pre-commit and CI check
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	kedro dvc --check

in-git:
	@git rev-parse --git-dir >/dev/null 2>&1 || { \
	echo "Error: DVC works in a git repository, and this folder is none: git init && git add . && git commit -m start" >&2; \
	echo "(without git: make $(VENV)/.run && $(VENV)/bin/kedro run, which makes the same study)" >&2; exit 1; }

docs: $(VENV)/docs/.done ## the documentation as a site, in build/docs; what a page gets wrong is an error
	NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/mkdocs build --strict

s3: $(VENV)/s3/.done ## DVC for remotes in S3: .venv/s3/bin/dvc (docs/dvc.md)

test-s3: $(VENV)/.dev s3 ## its test, which `make test` leaves out
	pytest -m s3 tests/end_to_end/test_dvc.py

lock: ## pin every dependency again (needs uv)
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --no-header --no-annotate --output-file requirements.lock
	uv pip compile --group s3 --python-version 3.11 --no-header --no-annotate --output-file requirements-s3.lock
	uv pip compile --group docs --python-version 3.11 --no-header --no-annotate --output-file requirements-docs.lock

clean: ## remove what `make run` made, except installed packages and answers that were paid for
	git clean -dffqX -e '!/data/00_responses' -- data environments/*/data mlflow.db mlruns

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	"$(BIN)/python" -m pip install --quiet --constraint requirements.lock --editable .
	@touch $@

$(VENV)/.dev: requirements.lock pyproject.toml | $(VENV)/bin/python
	"$(BIN)/python" -m pip install --quiet --constraint requirements.lock --editable '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/docs/.done: requirements-docs.lock | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/docs
	$(VENV)/docs/bin/python -m pip install --quiet --requirement requirements-docs.lock
	@touch $@

# Its pins are not those of the study: see pyproject.toml.
$(VENV)/s3/.done: requirements-s3.lock | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/s3
	$(VENV)/s3/bin/python -m pip install --quiet --requirement requirements-s3.lock
	@touch $@
