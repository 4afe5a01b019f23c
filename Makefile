# Everything a user or developer types. `make demo` and `make test` need nothing but Python 3.11 or newer.
#
#   make demo     page faults under userfaultfd and under PFF, side by side
#   make test     the checks below, then the tests
#   make check    formatting, lint, types, import directions, file sizes
#   make compiled      compile the hot half of the tree with mypyc (needs a C compiler, two minutes): faults two to
#                      three times as fast, the same results; PFFEMU_JIT=0 goes without
#   make conformance   the C programs of tests/conformance on this host's Linux and in pffemu (RECORD=1: record anew)
#   make check-long    a million random instructions on this host's CPU and in pffemu (SEED=7: other ones), and
#                      longer sessions of the debugger, of gdb and of sleeping threads than `make test` has; the
#                      campaigns of docs/threat-model.md; the memory hierarchy against this host (C compiler)
#                      LTP=DIR, SELFTESTS=DIR: Linux's own judges, too (tests/judges/README.md)
#   make audit    known vulnerabilities of the packages in requirements.lock (needs a network; says so without)
#   make bench    speed on this machine, row by row, into docs/performance.md (PAPER=1: with the paper's scale)
#   make evaluation   the evaluation again: tables and figures of docs/evaluation.md, docs/timing.md, one HTML page
#   make matrix   of that, every workload under every mechanism (35 minutes of processor time); it goes on after a kill
#   make docs     the documentation as a web site, in out/site (installs the extra docs)
#   make dist     wheel and sdist in dist/, checked by twine and check-wheel-contents (installs them elsewhere)
#   make lock     write requirements.lock again from pyproject.toml (make lock UPGRADE=--upgrade: newest versions)
#   make clean    remove .venv and every cache
#
# PYTHON=... chooses the interpreter, PYTEST_ARGS=... is handed to pytest, PROGRAMS=... names topics or
# programs for `make conformance`, SEED=..., JOBS=... (emulators at a time) and MINUTES=... (of each campaign; else so
# many cases) are for `make check-long`.

PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(if $(call works,$(p)),$(p))))
PYTEST_ARGS ?=
PROGRAMS ?=
RECORD ?=
PAPER ?=
UPGRADE ?=
SEED ?= 0
JOBS ?= 2
MINUTES ?=
LTP ?=
SELFTESTS ?=
JUDGES = $(if $(LTP),--ltp $(LTP)) $(if $(SELFTESTS),--selftests $(SELFTESTS))

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip -q --disable-pip-version-check --no-input

# Runs the candidate instead of looking for it: a pyenv shim exists and fails when its version is not selected.
works = $(shell $(1) -c 'import ensurepip, sys, venv; print("yes" if sys.version_info >= (3, 11) else "")' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo test check compiled check-long audit conformance bench evaluation matrix dist docs lock clean venv

help:
	@sed -n '/^#   make/s/^#   //p' $(firstword $(MAKEFILE_LIST))

demo: $(STAMP)
	@$(BIN)/pffemu demo

test: check
	@$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

check: $(STAMP)
	@$(BIN)/ruff format --check -q --output-format concise . .ci/sz || \
	    { echo '$(BIN)/ruff format . .ci/sz   puts these files right' >&2; exit 1; }
	@$(BIN)/ruff check -q --output-format concise . .ci/sz
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > $(VENV)/lint-imports.txt || { cat $(VENV)/lint-imports.txt; exit 1; }
	@$(BIN)/python .ci/sz > $(VENV)/sz.txt || { cat $(VENV)/sz.txt; exit 1; }
	@grep -h '^warning' $(VENV)/sz.txt || true
	@tail -n 1 $(VENV)/sz.txt
	@if [ -x $(BIN)/mkdocs ]; then NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet; \
	    else echo 'site: not built, because the extra docs is not installed (make docs)'; fi

compiled: $(STAMP)
	@$(BIN)/python .ci/compile.py

check-long: $(STAMP)
	@$(BIN)/python -m tests.oracle --cases 1000000 --sequences 100000 --seed $(SEED) --jobs $(JOBS) --thorough
	@PFFEMU_LONG=1 $(BIN)/python -m pytest -n $(JOBS) tests/unit/debug/test_reversible.py \
	    tests/system/test_stepping_never_lies.py tests/system/gdb/test_stops_tell_the_truth.py \
	    tests/unit/kernel_model/test_sleep_machine.py tests/system/test_cache_workloads.py tests/docs/test_tutorial.py \
	    tests/docs/test_console_blocks.py tests/docs/test_examples.py tests/system/test_uncertainty.py \
	    tests/system/test_memory_entries.py tests/system/test_page_cache_ends.py
	@PFFEMU_LONG=1 PFFEMU_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -n $(JOBS) tests/system/test_hardware_caches.py \
	    tests/unit/kernel_model/test_directed_invariants.py tests/unit/kernel_model/test_directed_points.py
	@$(BIN)/python -m tests.mutation.every --rows --jobs $(JOBS)
	@$(BIN)/python -m tests.fuzz --seed $(SEED) $(if $(MINUTES),--minutes $(MINUTES))
	@PFFEMU_LONG=1 $(BIN)/python -m pytest -n $(JOBS) tests/fuzz/test_crashes_and_replay.py
	@$(BIN)/python .ci/audit || [ $$? = 3 ]
	@$(BIN)/python -m tests.bench.memory_hierarchy --quick
	@if [ -n "$(LTP)$(SELFTESTS)" ]; then $(BIN)/python -m tests.judges --jobs $(JOBS) $(JUDGES); fi

audit: $(STAMP)
	@$(BIN)/python .ci/audit

conformance: $(STAMP)
	@$(BIN)/python -m tests.conformance $(if $(RECORD),--record) $(PROGRAMS)

bench: $(STAMP)
	@$(BIN)/python -m tests.bench $(if $(PAPER),--paper)

EVALUATION := out/evaluation
SWEEP = $(BIN)/pffemu bench sweep --folder $(EVALUATION)/points
MODES = --mode kernel --mode uffd --mode pff
COMPARE = $(BIN)/pffemu compare --folder $(EVALUATION)/compare
SPEEDS = kv update bfs scan gc migrate
# right answers under every mechanism: 168 runs each
MATRIX = fault mmapbench mmapbench-write mmapbench-seq mmapbench-seq-write kv update btree bfs pagerank scan gc migrate

docs: $(STAMP)
	@$(PIP) install "mkdocs-material>=9.5" "mkdocstrings[python]>=0.26"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet && echo out/site/index.html

evaluation: $(STAMP)
	@mkdir -p $(EVALUATION)
	@$(BIN)/pffemu bench fault --pages 1024 --handler all $(MODES) --uncertainty 100 --json $(EVALUATION)/reads.json
	@$(BIN)/pffemu bench fault --pages 1024 --write --handler all $(MODES) --uncertainty 100 --json $(EVALUATION)/writes.json
	@$(BIN)/pffemu bench fault --pages 1024 --minor --handler all $(MODES) --uncertainty 100 --json $(EVALUATION)/minor.json
	@$(BIN)/pffemu bench ioctl --uncertainty 100 --json $(EVALUATION)/ioctl.json
	@$(BIN)/pffemu bench bfs --scale 16 --edge-factor 16 --handler all $(MODES) --uncertainty 100 --json $(EVALUATION)/bfs.json
	@$(SWEEP) --uncertainty 20 --vary threads=1,2,4,8,16 --json $(EVALUATION)/threads.json fault --pages 1024 $(MODES)
	@$(SWEEP) --uncertainty 20 --vary handler-threads=1,2,4,8,16 --json $(EVALUATION)/handlers.json \
	    fault --pages 1024 --threads 16 --mode uffd --mode pff
	@$(SWEEP) --uncertainty 20 --vary locking=6.0,6.18 --vary threads=1,4,16 --json $(EVALUATION)/areas.json \
	    fault --pages 1024 --own-areas --mode kernel --mode pff
	@$(BIN)/pffemu bench fault --pages 1024 --threads 16 --handler-threads 4 --random --handler all $(MODES) \
	    --uncertainty 20 --json $(EVALUATION)/contended.json
	@$(SWEEP) --uncertainty 20 --vary resident=0.1,0.25,0.5,0.75,1 --json $(EVALUATION)/cache.json \
	    bfs --scale 14 --edge-factor 16 --mode uffd --mode pff --handler read --handler sigbus
	@for w in $(SPEEDS); do $(COMPARE) $$w --scale 12 --json $(EVALUATION)/compare-$$w.json || exit 1; done
	@$(COMPARE) bfs --scale 16 --quota 0.1,0.25,0.5,1 --threads 1,4,16 --json $(EVALUATION)/compare-large.json
	@$(BIN)/python -m tests.evaluation_matrix speeds $(foreach w,$(SPEEDS),$(EVALUATION)/compare-$w.json)
	@$(MAKE) --no-print-directory matrix
	@$(BIN)/pffemu report $(foreach w,kv update bfs scan,$(EVALUATION)/compare-$w.json) \
	    -o $(EVALUATION)/compare.html --figures docs/evaluation
	@$(BIN)/pffemu timing validate --write docs/timing.md
	@$(BIN)/python -m tests.mechanism_steps
	@$(BIN)/pffemu report $(foreach n,reads writes minor ioctl bfs threads handlers areas contended cache,$(EVALUATION)/$(n).json) \
	    -o $(EVALUATION)/report.html --figures docs/evaluation --tables docs/evaluation.md

matrix: $(STAMP)
	@mkdir -p $(EVALUATION)
	@for w in $(MATRIX); do $(COMPARE) $$w --scale 13 --quota 0.1,0.25,0.5,1 --threads 1,4,16 --jobs $(JOBS) \
	    --json $(EVALUATION)/matrix-$$w.json > $(EVALUATION)/matrix-$$w.txt || exit 1; done
	@$(BIN)/python -m tests.evaluation_matrix matrix $(foreach w,$(MATRIX),$(EVALUATION)/matrix-$w.json)

venv: $(STAMP)

# Built anew, not mended: a package that left the lock must not stay behind.
$(STAMP): requirements.lock pyproject.toml
	@test -n '$(PYTHON)' || { echo 'make: no Python 3.11 or newer with venv and ensurepip found.' \
	    'Install one (Debian: python3 and python3-venv) or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'make: $(PYTHON) does not run or is' \
	    'older than Python 3.11. Name another one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@echo "Installing into $(VENV) ($$($(PYTHON) -V)); this happens once and takes about half a minute"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo 'make: $(PYTHON) cannot make a virtual environment.' \
	    'On Debian its ensurepip is in the package python3-venv' >&2; exit 1; }
	@$(PIP) install --no-deps -r requirements.lock && $(PIP) install --no-deps --no-build-isolation -e . || \
	    { echo 'make: pip could not install requirements.lock; its own message is above. Without a network, put the' \
	    'wheels named there in a folder and run: PIP_NO_INDEX=1 PIP_FIND_LINKS=/that/folder make venv' >&2; exit 1; }
	@touch $@

# The tools of publishing are needed for nothing else: they live in an environment made for the occasion.
dist: $(STAMP)
	@rm -rf dist && $(BIN)/python -m hatchling build -t sdist -t wheel -d dist > /dev/null
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	$(PYTHON) -m venv "$$tools" && \
	"$$tools/bin/python" -m pip -q --disable-pip-version-check install twine check-wheel-contents && \
	"$$tools/bin/twine" check --strict dist/* && "$$tools/bin/check-wheel-contents" --toplevel pffemu,kernel_model,guest dist/*.whl

# uv resolves for all Python versions and systems at once, which pip cannot. It is needed for nothing else.
lock:
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	$(PYTHON) -m venv "$$tools" && "$$tools/bin/python" -m pip -q --disable-pip-version-check install uv && \
	cp requirements.lock "$$tools/new.lock" && \
	"$$tools/bin/uv" pip compile -q --universal --python-version 3.11 --fork-strategy fewest --no-header --generate-hashes $(UPGRADE) \
	    --extra fast --extra plot --extra trace --extra tui --extra dev pyproject.toml -o "$$tools/new.lock" > /dev/null && \
	{ echo '# Every package pffemu uses, exactly, for Python 3.11 to 3.13. Made by `make lock`; do not edit.'; \
	  cat "$$tools/new.lock"; } > requirements.lock

clean:
	@rm -rf $(VENV) .compiled .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .numba_cache .cache out dist
	@find pffemu kernel_model guest tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
