# On a fresh machine, `make demo` and `make test` install everything first.

PYTHON ?= python3
# The build of PyTorch: cpu (small wheels where they can be had), cuda (whatever pip's index has) or, e.g., cu130.
TORCH ?= cpu
BIN := .venv/bin
READY := .venv/.ready
FRAMEWORKS := .venv/.frameworks
DEMO_DB := results/demo.db
SPELLED := lodo_bench tests docs benchmarks examples scripts results/README.md Makefile pyproject.toml $(wildcard *.md)

REFERENCE_DB := results/reference.db
REFERENCE := table1 table5 table6 table7 figure2 figure3 figure11 frozen-preconditioner depth-sweep \
	block-size-sweep
# Those of networks need MNIST, and hours. The searches and runs of Table 2 are those of Figure 4.
NETWORKS_DB := results/networks.db
NETWORKS := table2 figure4 table3 figure5 figure10 table4 figure6 lodo-defaults

# How often `make faults` kills each command, how many damaged inputs of each kind it tries, and for how long it soaks, in minutes.
KILLS ?= 100
CASES ?= 2000
SOAK ?= 0

.PHONY: help setup demo test test-frameworks faults check docs check-install reference reference-networks clean

help:
	@echo "make demo    tune LODO and Adam on the noisy quadratic, run both, print the report (a few minutes)"
	@echo "make test    run the tests"
	@echo "make test-frameworks  install Lightning, Accelerate and transformers, and test LODO in them"
	@echo "make faults  inject faults, many of each kind (hours; KILLS=100 CASES=2000 SOAK=0), and update docs/reliability.md"
	@echo "make check   run the linters, the spelling checker and the type checker, and build the documentation"
	@echo "make docs    build the documentation in build/docs/"
	@echo "make check-install  check that the pinned versions can be installed from the package index alone"
	@echo "make reference  recompute results/reference/ (hours; rerun to resume)"
	@echo "make reference-networks  recompute its networks, with MNIST from LODO_BENCH_DATA (hours; rerun to resume)"
	@echo "make clean   remove the environment, the demo's database and caches"

setup: $(READY)

# pip does not compile an editable package: without this, each first start would.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	index=$$($(BIN)/python scripts/torch_index.py $(TORCH)) && $(BIN)/pip install --quiet --disable-pip-version-check \
		$$index --constraint constraints.txt --editable '.[cpu,dev,docs]'
	$(BIN)/python -m compileall -q lodo_bench
	touch $(READY)

# Adds the frameworks to the environment, without changing what is installed.
$(FRAMEWORKS): $(READY) constraints-frameworks.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--constraint constraints-frameworks.txt --editable '.[frameworks]'
	touch $(FRAMEWORKS)

# Resolves the install from the package index alone, with pip's configuration switched off. Installs nothing.
check-install:
	$(PYTHON) scripts/check_install.py

demo: $(READY)
	$(BIN)/lodo-bench tune --task quadratic --optimizer lodo --optimizer adam --db $(DEMO_DB)
	$(BIN)/lodo-bench run --optimizer lodo --steps 20000 --db $(DEMO_DB)
	$(BIN)/lodo-bench run --optimizer adam --steps 20000 --db $(DEMO_DB)
	$(BIN)/lodo-bench report --db $(DEMO_DB)

# In the order of the folders, the longest tests come first.
test: $(READY)
	$(BIN)/pytest --quiet --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder \
		--ignore tests/frameworks

# One after the other, as many of them start processes of their own. Nothing is looked up on the network.
test-frameworks: $(FRAMEWORKS)
	HF_HUB_OFFLINE=1 $(BIN)/pytest --quiet tests/frameworks

faults: $(READY)
	$(BIN)/pytest --quiet --numprocesses auto --maxprocesses 4 --dist worksteal tests/faults \
		--long --kills $(KILLS) --cases $(CASES) --soak-minutes $(SOAK) --faults-json build/faults.json
	$(BIN)/python scripts/reliability_table.py build/faults.json

check: $(READY) docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell $(SPELLED)
	$(BIN)/mypy
	$(BIN)/lint-imports

# References that lead nowhere are warnings, and warnings are errors.
docs: $(READY)
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --fresh-env docs build/docs

reproduce_all = for name in $(1); do \
	$(BIN)/lodo-bench reproduce $$name --scale laptop --db $(2) --output results/reference/$$name-laptop || exit; done

reference: $(READY)
	$(BIN)/lodo-bench reproduce table8 --scale paper --db $(REFERENCE_DB) --output results/reference/table8-paper
	$(call reproduce_all,$(REFERENCE),$(REFERENCE_DB))

reference-networks: $(READY)
	$(call reproduce_all,$(NETWORKS),$(NETWORKS_DB))

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	rm -f $(DEMO_DB) $(DEMO_DB)-wal $(DEMO_DB)-shm
	find lodo_bench tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
