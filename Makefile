# Two commands: `make book` builds the book into _build/html, `make test` runs every test.
# Needs Python 3.11 or later and GNU make 3.81 or later; everything else is installed into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c
.DEFAULT_GOAL := book
.DELETE_ON_ERROR:

ifneq ($(words $(CURDIR)),1)
$(error This folder's path has a space, which make cannot handle: $(CURDIR). Move the project)
endif

PYTHON ?= python3
VENV ?= .venv
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
PY := $(abspath $(VENV))/bin/python
UV := $(abspath $(VENV))/bin/uv

# One thread and one set of hashes per kernel: the same bytes from every build.
export PYTHONPATH := $(CURDIR)
export PYTHONHASHSEED := 0
export SOURCE_DATE_EPOCH := 1767225600
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1
export IPYTHONDIR := $(CURDIR)/_build/ipython
export MPLCONFIGDIR := $(CURDIR)/_build/matplotlib
export JUPYTER_PLATFORM_DIRS := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

# What is given to a target reaches the shell as data, never as code, and make as text: a $$(shell …) in it is not run.
GIVEN := NAME PARAMS CHAPTER GRID SCHEDULER SITE RELEASED
$(foreach v,$(GIVEN),$(eval override $(v) := $$(value $(v))))
export $(GIVEN)

# The largest notebooks first, which tend to take longest, so that no core waits long for the last.
CHAPTERS := $(shell ls -S chapters/*.ipynb 2>/dev/null)
EXECUTED := $(CHAPTERS:chapters/%.ipynb=_build/executed/%.ipynb)
# Named after what it installed, so that neither a checkout nor a touch installs again.
STAMP := $(abspath $(VENV))/.installed-$(firstword $(shell cat requirements.lock pyproject.toml | cksum))

COMPARED := $(STAMP)-compared

.PHONY: book test lab chapter new-chapter parameters lock clean audit bench release site verify sweep pdf xelatex _book force

book:
	@$(PYTHON) -m mnvh.book.lock $(MAKE) --no-print-directory -j$(JOBS) _book

# The keys must be fresh before make looks at what depends on them: hence a make of its own.
_book: _build/book.stamp
	@echo "Book: $(CURDIR)/_build/html/index.html"
	@for c in $(sort $(CHAPTERS:chapters/%.ipynb=%)); do echo "  $$c: $$(cat _build/times/$$c.txt 2> /dev/null || echo "?") s"; done

_build/executed/%.ipynb: _build/hash/chapters/%.ipynb.sha _build/hash/requirements.lock.sha _build/hash/mnvh/book/run.py.sha | $(STAMP)
	@$(PY) -m mnvh.book.run chapters/$*.ipynb

# Only in the make that `book` starts, when damaged rules have been removed. A chapter whose rule in _build/deps is lost
# does not know what it depends on: execute it.
ifneq ($(filter _book,$(MAKECMDGOALS)),)
-include $(wildcard _build/deps/*.d)
$(foreach c,$(CHAPTERS:chapters/%.ipynb=%),$(if $(wildcard _build/deps/$(c).d),,$(eval _build/executed/$(c).ipynb: force)))
endif

PAGE_KEYS = $(shell find _build/hash -name '*.sha' 2>/dev/null | grep -v -e /data/ -e /mnvh/[a-z_]*\\.py)

_build/book.stamp: $(EXECUTED) $(PAGE_KEYS) $(if $(wildcard _build/html/index.html),,force) | $(STAMP)
	@rm -f $@
	@$(PY) -m mnvh.book.pages
	@rm -rf _build/next
	@echo "  pages: building"
	@$(abspath $(VENV))/bin/jupyter-book build _build/stage --path-output _build/next -W --keep-going -n -q > _build/sphinx.log 2>&1 \
	  || { cat _build/sphinx.log; echo "The new book was not published, the old one stands."; exit 1; }
	@$(PY) -m mnvh.book.publish _build/next/_build/html
	@touch $@

test: book
	@$(PY) -m pytest -n $(JOBS) --dist loadfile $(PYTEST)
	@if [ -n "$$NO_BROWSER" ]; then echo "NO_BROWSER is set: the page tests were left out."; fi

# make chapter NAME=02_decomposition PARAMS="seed=7 n_paths=1000"
chapter: $(STAMP)
	@$(PY) -m mnvh.book.run "chapters/$$NAME" --rerun="$$PARAMS"

# make parameters NAME=02_decomposition
parameters: $(STAMP)
	@$(PY) -m mnvh.book.run "chapters/$$NAME" --parameters

# make new-chapter NAME=19_my_subject: a notebook that passes every check, to be changed one cell at a time
new-chapter: $(STAMP)
	@$(PY) -m mnvh.book.new_chapter "$$NAME"

lab: $(STAMP)
	@JUPYTER_CONFIG_DIR=$(CURDIR)/_build/jupyter JUPYTER_DATA_DIR=$(CURDIR)/_build/jupyter $(PY) -m jupyterlab --notebook-dir=chapters --ContentsManager.pre_save_hook=mnvh.book.lab.strip $(LAB)

# The whole book as one PDF beside its pages; where xelatex is absent this is said before anything is built.
pdf: xelatex book
	@$(PY) -m pdf.build

xelatex: $(STAMP)
	@$(PY) -m pdf.build --check

# Each kernel beside the time to draw its random numbers and beside plain NumPy; other work beside a library; sweeps.
bench: $(COMPARED)
	@$(PY) -m audit.kernels
	@$(PY) -m audit.sweeps

$(COMPARED): audit/requirements.lock | $(STAMP)
	@$(UV) pip install -q --python $(PY) --require-hashes -r audit/requirements.lock
	@touch $@

# Keeps the verdicts and headline numbers of this version, against which the ledger compares later ones.
release: book
	@$(PY) -c 'import json; print(json.load(open("_build/html/verdicts.json"))["version"])' \
	  | xargs -I{} sh -c 'mkdir -p mnvh/book/history && cp _build/html/verdicts.json mnvh/book/history/{}.json'

# make site SITE=folder [RELEASED=v0.1.0]: the book into the folder of a site, which keeps every released version.
site: book
	@$(PY) -m mnvh.book.site "$$SITE" --released="$$RELEASED"

# make sweep CHAPTER=02_decomposition GRID="seed=1,2,3 n_paths=1000" [SCHEDULER=tcp://host:8786]
sweep: $(STAMP)
	@$(PY) -m mnvh.book.grid --scheduler="$$SCHEDULER" -- "$$CHAPTER" "$$GRID"

# make verify SITE=…: is this machine's build, figure by figure and claim by claim, the published one?
verify: book
	@$(PY) -m mnvh.book.verify "$$SITE"

# Checks too slow for every change. They need Node.js with npm, for Lighthouse, and Chromium.
audit: test
	@HYPOTHESIS=random $(PY) -m pytest -q -n $(JOBS) tests/test_fuzz.py
	@$(PY) -m audit.pages
	@$(PY) -m audit.builds
	@$(PY) -m audit.mutation
	@$(PY) -m audit.seeds

# Pins every dependency with its hashes, for all platforms and Pythons from 3.11.
lock: PIN := -q --generate-hashes --universal --python-version 3.11 --upgrade --no-header
lock: $(STAMP)
	@$(UV) pip compile $(PIN) --extra book --extra test pyproject.toml -o requirements.lock
	@$(UV) pip compile $(PIN) --group audit -c requirements.lock -o audit/requirements.lock

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one with make PYTHON=…")'
	@echo "  environment: installing into $(VENV)"
	@rm -f $(abspath $(VENV))/.installed-*
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.txt
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.txt
	@$(UV) pip sync -q --compile-bytecode --python $(PY) --require-hashes requirements.lock
	@$(UV) pip install -q --python $(PY) --no-deps --no-build-isolation -e .
	@touch $@

clean:
	@rm -rf _build
