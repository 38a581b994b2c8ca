.DEFAULT_GOAL := help
.PHONY: help setup run test demo chaos soak mutants setup-bench bench bench-quick bench-history scale-demo pictures dashboards check fmt lock clean-state

PYTHON ?= python3
BIN := .venv/bin
CODE := libs services tools tests

# Extra arguments for pytest, such as: make test ARGS="tests/unit -k canvas"
ARGS ?= tests

help: ## Show what make can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: ## Make .venv with the locked packages and every member (skipped when nothing changed)
	@$(PYTHON) tools/devstack/bootstrap.py

run: setup ## Start everything here, with the sandbox's page; Ctrl-C stops it
	@$(BIN)/python -m devstack run

test: setup ## Get broker, database and browser where they are missing, then run every test
	@$(BIN)/python -m devstack backends
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

demo: setup ## Drive the panel through every step without a browser and tell what passed
	@$(BIN)/python -m devstack demo

chaos: setup ## Play every fault on private servers and tell what came of each (ONLY=name plays one; needs RabbitMQ)
	@$(BIN)/python -m tests.chaos --only "$(ONLY)"

soak: setup ## Random faults under load (SECONDS=600 SEED=…, which a soak prints)
	@$(BIN)/python -m tests.chaos --soak $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

mutants: setup ## Take one guard out of a copy of the code at a time: does a test notice? (ONLY=claim for some)
	@$(BIN)/python -m tests.mutants $(ONLY)

setup-bench: setup
	@$(PYTHON) tools/devstack/bootstrap.py --bench

bench: setup-bench ## Measure everything, side by side with its peers; takes an hour (ONLY=peers,receipts for some; ROUNDS=3)
	@$(BIN)/python -m tests.bench whole --only "$(ONLY)" --rounds $(or $(ROUNDS),3)

bench-quick: setup-bench ## The main ratios of the above, in less than three minutes
	@$(BIN)/python -m tests.bench quick

scale-demo: setup-bench ## 5,000 bulk messages among agents': a channel's workers go 1 → 4 → 1, in four minutes (FACTOR=1: as slowly as in a cluster)
	@$(BIN)/python -m tests.bench scale --factor $(or $(FACTOR),10)

bench-history: setup ## Fill ROWS=10000000 messages into a private PostgreSQL: how long does the history take?
	@$(BIN)/python -m tests.bench history --rows $(or $(ROWS),10000000)

pictures: setup ## Take the README's pictures anew, from a stack and a browser of their own
	@$(BIN)/python -m devstack pictures

dashboards: setup ## Draw the dashboards' pictures anew, from ten minutes of messages and trouble (SECONDS=600)
	@$(BIN)/python -m tests.dashboards --seconds $(or $(SECONDS),600)

check: setup ## Format, lint, types, import rules, deploy/, and that the pages' commands exist
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(wildcard libs/*/src services/*/src tools/*/src) tools/devstack/bootstrap.py tests
	$(BIN)/lint-imports
	$(BIN)/python -m pip check
	$(BIN)/python -m devstack.deploy_check
	$(BIN)/python -m devstack.readme_check README.md docs/accounts.md docs/runbook.md

fmt: setup ## Format the code and sort its imports
	$(BIN)/ruff check --select I --fix $(CODE)
	$(BIN)/ruff format $(CODE)

lock: setup ## Compile the lock files anew (needs uv; UPGRADE=1 takes newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv. Run first: pip install uv" >&2; exit 1; }
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate $(if $(UPGRADE),--upgrade) requirements-dev.in -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate $(if $(UPGRADE),--upgrade) requirements-bench.in -o requirements-bench.lock

clean-state: ## Forget the data of `make run` and `make demo` (refuses while one runs)
	@$(if $(wildcard .dev),$(PYTHON) tools/devstack/bootstrap.py && $(BIN)/python -m devstack clean-state,echo "There is no state to remove.")
