# `make help` lists the commands.  Python 3.11 to 3.13, make and git are all that must be there.
.DEFAULT_GOAL := help
.PHONY: help up down logs test test-slow test-jax test-stack test-wheel notebooks docs lint format lock environment

PYTHON ?= $(shell for name in python3 python3.12 python3.13 python3.11; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null && echo $$name && break; done)
STACK = $(if $(PYTHON),$(PYTHON) docker/stack.py,$(error No Python 3.11, 3.12 or 3.13 here (python3 is \
	$(shell python3 --version 2>&1)): install one, then run make again, or name it: make $@ PYTHON=/path/to/python3.12))
RUN = .venv/bin/python -m
NOTEBOOKS = $(sort $(wildcard notebooks/0*.ipynb))
PYTEST = $(RUN) pytest -n 2 --dist loadfile
NBVAL = -p tests.notebooks.long_cells --nbval --nbval-current-env --nbval-cell-timeout=1800 $(NOTEBOOKS)
SHAPES = data/shapes/annotations/instances_shapes_test2018.json

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

up: ## start JupyterLab and TensorBoard (Docker if it answers, else here) and print where they are
	@$(STACK) up

down: ## stop them; notebooks, data, logs and weights are kept
	@$(STACK) down

logs: ## follow what they print (Ctrl-C ends it)
	@$(STACK) logs

test: environment $(SHAPES) ## the tests, and beside them all notebooks in quick mode (under 20 minutes on 2 cores)
	MRCNN_QUICK=$${MRCNN_QUICK:-1} $(PYTEST) -p tests.notebooks.beside_tests -m "not slow and not stack and not wheel" tests $(NBVAL)

test-slow: environment $(SHAPES) ## the tests that take minutes
	$(PYTEST) -m slow

test-jax: environment ## the tests of the network's operations and stages, of its export, and of training around it, on JAX
	JAX_DISABLE_MOST_OPTIMIZATIONS=1 KERAS_BACKEND=jax $(PYTEST) -m "not slow" tests/mrcnn/ops tests/mrcnn/network \
		tests/mrcnn/export $(addprefix tests/mrcnn/test_,conventions.py golden_torch.py resume.py ends.py checkpoints.py schedules.py training_shown.py data_wait.py)

test-stack: environment ## the Docker stack from build to browser; says why where it cannot
	$(RUN) pytest -m stack tests/stack

test-wheel: environment ## the wheel in an empty environment: what works, and what it says where an extra is missing
	$(RUN) pytest -m wheel tests/wheel

notebooks: environment $(SHAPES) ## all notebooks in full, as a person would run them
	$(RUN) pytest $(NBVAL)

docs: environment ## the documentation, into build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict --quiet
	@echo "Open build/site/index.html; with the search: python3 -m http.server --directory build/site"

lint: environment ## style of the code, types, which package imports which, and that no notebook holds outputs
	$(RUN) ruff check
	$(RUN) ruff format --check
	.venv/bin/lint-imports --no-logo
	$(RUN) mypy
	$(RUN) nbstripout --keep-id --verify $(NOTEBOOKS)

format: environment ## mend the style, strip the notebooks
	$(RUN) ruff check --fix
	$(RUN) ruff format
	$(RUN) nbstripout --keep-id $(NOTEBOOKS)

lock: environment ## the newest allowed versions into requirements/*.txt
	bash requirements/lock.sh

environment:
	@$(STACK) environment dev

$(SHAPES): | environment
	$(RUN) mrcnn_ext.datasets.shapes data/shapes
