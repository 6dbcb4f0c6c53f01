# `make` lists the targets. Everything runs on the `local` stack unless STACK says otherwise.
.DEFAULT_GOAL := help
SHELL := /bin/bash
STACK ?= local
PYTHON ?= python3
VENV := .venv/bin
# The environment is asked for once per command, so a fresh machine can run any target first.
WITH_ENV = eval "$$($(PYTHON) -m toolchain env --stack $(STACK))" &&

.PHONY: help toolchain control-plane env up preview down test test-long check bench

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

toolchain: ## Get pulumi, its plugins, helm, kustomize, the control plane and .venv
	@$(PYTHON) -m toolchain install

control-plane: toolchain
	@if [ "$(STACK)" = local ]; then $(PYTHON) -m toolchain.controlplane start; fi

env: ## Print the environment of the stack: eval "$(make env)"
	@$(PYTHON) -m toolchain env --stack $(STACK)

up: control-plane ## Start the control plane, sync apps/, show the Applications; with WAIT=1 when healthy
	@$(WITH_ENV) gitops up --stack $(STACK) $(if $(filter local,$(STACK)),--yes) $(if $(WAIT),--wait)

preview: control-plane ## Show what `make up` would change
	@$(WITH_ENV) gitops preview --stack $(STACK)

down: ## Remove all Applications from the local stack and stop its control plane
	@$(WITH_ENV) pulumi destroy --stack $(STACK) --yes --skip-preview --non-interactive
	@if [ "$(STACK)" = local ]; then $(PYTHON) -m toolchain.controlplane stop; fi

# Three workers on two cores: a test waits for its cluster a third of the time.
test: toolchain ## Run the tests, with the real engine and a real API server
	@$(WITH_ENV) pytest -m "not long" -n 3 --dist loadfile --no-loadscope-reorder

test-long: toolchain ## Run the tests that take minutes as well, and look for new examples
	@$(WITH_ENV) pytest --hypothesis-profile search -n 3 --dist loadfile --no-loadscope-reorder

check: toolchain ## Lint, types and layers
	@$(WITH_ENV) ruff check . && ruff format --check . && mypy && lint-imports \
	&& hadolint image/Dockerfile

bench: toolchain ## Measure rendering, syncing and previewing
	@$(WITH_ENV) python -m benchmarks
