# Each target sets up .venv by itself and reuses it until the pins or pyproject.toml change.
# Written for GNU make 3.81, the one that macOS ships.

PYTHON ?=# which Python to take; by default the first good one that is found
BIN := .venv/bin
READY := .venv/ready
UV_FLAGS ?=
COMPILE := .venv-uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --only-binary :all: --no-emit-index-url --no-header $(UV_FLAGS)

.PHONY: help demo test lint bench soak torture requirements clean

help: ## says what there is
	@awk -F ':[^#]*## ' '/^[a-z]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile
	@echo
	@echo 'PYTHON=python3.12 takes that Python; `make requirements UV_FLAGS=--upgrade` takes the newest releases.'

$(READY): requirements/dev.txt pyproject.toml .ci/venv
	@sh .ci/venv .venv requirements/dev.txt "$(PYTHON)"
	@$(BIN)/python -m pip --disable-pip-version-check -qq install --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## runs an example job against the built-in sandbox
	@$(BIN)/python -m bulkseg demo

# A file's tests stay together, for they may share what was begun once; the files that wait longest come first.
test: $(READY) ## runs the tests, four at a time: most of them wait
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: $(READY) ## checks style, types, imports and the Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile

bench: $(READY) ## measures speed, memory and growth; half an hour
	@$(BIN)/python -m benchmarks

soak: $(READY) ## runs 200,000 specs with faults, and shows that nothing grows or is made twice
	@$(BIN)/python -m benchmarks.soak

torture: $(READY) ## kills a run again and again, for long, and counts what was made
	@$(BIN)/python -m tests.crash.torture

# All others are compiled within what dev.txt chose, so that what is tested is what is shipped.
requirements: .venv-uv/ready ## resolves the dependencies anew and pins them with hashes
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) pyproject.toml --extra fleet -c requirements/dev.txt -o requirements/fleet.txt
	$(COMPILE) --group build -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) --group resolve -o requirements/resolve.txt

.venv-uv/ready: requirements/resolve.txt .ci/venv
	@sh .ci/venv .venv-uv requirements/resolve.txt "$(PYTHON)"
	@touch $@

clean: ## takes away the environments and caches, nothing else
	rm -rf .venv .venv-uv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
