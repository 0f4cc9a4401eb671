# Everything runs in .venv, made on first use. Override e.g. PIP_ARGS="--index-url …" or PYTHON.
PYTHON ?= python3
PIP_ARGS ?=
export PIP_ARGS
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: retrain smoke test test-slow check format ui clean help

help:
	@echo "make retrain    retrain, judge and decide with configs/quick.yaml (about 15 minutes)"
	@echo "make smoke      the same flow with a tiny model (under a minute)"
	@echo "make test       the tests (minutes);  make test-slow  the long ones"
	@echo "make check      ruff and mypy;  make format  let ruff rewrite"
	@echo "make ui         the MLflow pages of all runs"

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing pinned dependencies into $(VENV) (a few minutes the first time)"
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) --no-deps black==21.5b2
	@touch $@

retrain: $(READY)
	@$(BIN)/steadycode data build
	@$(BIN)/steadycode retrain --profile quick

smoke: $(READY)
	@$(BIN)/steadycode data build
	@$(BIN)/steadycode retrain --profile smoke

test: $(READY)
	@$(BIN)/pytest -m "not slow" -n 2 --dist loadfile --ignore tests/end_to_end
	@$(BIN)/pytest -m "not slow" tests/end_to_end

test-slow: $(READY)
	@$(BIN)/pytest -m slow

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

ui: $(READY)
	@$(BIN)/steadycode ui

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
