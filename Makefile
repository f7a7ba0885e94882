# On a machine with Python 3.11 (or newer) and make, nothing else is needed.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c project/constraints.txt

.DEFAULT_GOAL := help
.PHONY: bench help demo demo-reset test drills matrix lint wheel messages clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.demo ## the whole product on this machine (PORT=8000); Ctrl-C stops it
	@exec $(BIN)/python manage.py demo --with-parent --port $(PORT)

demo-reset: $(VENV)/.demo ## the demo from the beginning: forgets what the last one did
	@exec $(BIN)/python manage.py demo --with-parent --port $(PORT) --reset

test: $(VENV)/.test ## the tests, on SQLite and where a PostgreSQL server can be had on that too
	@$(BIN)/python -m tests.run $(ARGS)

drills: $(VENV)/.test ## 200,000 recipients in a storm of accidents: see docs/drills.md (ARGS="--db sqlite --recipients 20000")
	@$(BIN)/python -m tests.drills.chaos --db postgres $(ARGS)

bench: $(VENV)/.test ## what it costs, against plain baselines (ARGS="prepare --db sqlite --size 100000")
	@$(BIN)/python -m bench $(ARGS)

matrix: $(VENV)/.test ## the wheel with every Django on every Python that is here (ARGS="3.12-6.1" for one)
	@$(BIN)/python -m tests.matrix $(ARGS)

lint: $(VENV)/.lint ## formatting, rules, layers, types, templates, migrations, translations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/djlint --quiet --lint csms_campaigns/templates templates
	CSMS_API_KEY=not-needed-here $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.messages

wheel: $(VENV)/.lint ## the package, in dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

messages: $(VENV)/.lint ## collects the texts to translate, and compiles the translations (needs gettext)
	$(BIN)/python manage.py makemessages --locale ar --no-obsolete --add-location file \
		--ignore '$(VENV)' --ignore .matrix --ignore tests --ignore build --ignore dist
	$(BIN)/python manage.py compilemessages --ignore '$(VENV)' --ignore .matrix

clean: ## the virtual environment and what the demo and the tests have left
	rm -rf $(VENV) .demo dist build test-results

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)

# A stamp for each set of packages: the second run starts at once.
$(VENV)/.demo: pyproject.toml project/constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) …"
	@$(INSTALL) -e '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml project/constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) …"
	@$(INSTALL) -e '.[test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.lint: pyproject.toml project/constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) …"
	@$(INSTALL) -e '.[test,lint]' build
	@touch $@ $(VENV)/.demo $(VENV)/.test
