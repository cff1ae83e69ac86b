# Everything runs in .venv, which every target makes or brings up to date by itself. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Without bytecode every process of the tests compiles all that it imports anew: a third of their time.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup native demo up test test-fast test-properties test-pipeline test-browser test-recommended test-data test-api test-clients test-perspective check lint template-check audit rights test-heavy train lists bench bench-producers faults gamedays rollbacks mutants audited kill-loop kill-runtime bench-durability bench-plugin burst oracle-trino render golden bundle quality clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: .venv/ready .venv/native ## The virtual environment, from the hash-checked lock, and the C code where there is a compiler

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python $$($(PYTHON) -V | cut -d" " -f2) found; 3.11 or newer is needed. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up .venv (once; a minute or two) ..."
	@$(PYTHON) -m venv .venv
	@set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock | \
	  awk '/^Collecting/ { if (++found % 20 == 0) { print "  " found " packages fetched ..."; fflush() } } \
	       /^Installing/ { print "  installing " found " packages ..."; fflush() }'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Nothing depends on it but speed, so that it never fails.
.venv/native: $(wildcard consumers/native/*.c) infra/native.py | .venv/ready
	@$(BIN)/python -m infra.native
	@touch $@

native: .venv/ready ## Compile the C code again, for this machine; CC=clang
	@$(BIN)/python -m infra.native && touch .venv/native

demo: setup ## The whole pipeline on this machine: 100,000 events in, verdicts out, answered in SQL
	@$(BIN)/streamkeeper demo

up: setup ## Keep the laptop runtime running and print how to reach it
	@$(BIN)/streamkeeper up

# Types, imports and the template are checked beside the tests. Files with a runtime come first (testpaths), the shortest last.
test: setup ## All tests that need nothing but this folder
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@found=$$(mktemp); trap 'kill "$$checks" 2>/dev/null; rm -f "$$found"' EXIT; \
	{ $(BIN)/mypy && $(BIN)/lint-imports --no-logo && $(BIN)/cfn-lint infra/aws/template.yaml; } >"$$found" 2>&1 & checks=$$!; \
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder; tests=$$?; \
	wait "$$checks"; others=$$?; cat "$$found"; \
	[ "$$tests" = 0 ] || echo "make test: tests failed, see above"; \
	[ "$$others" = 0 ] || echo "make test: types (mypy), imports (lint-imports) or the template (cfn-lint) failed, see above"; \
	[ "$$tests$$others" = 00 ]

# How the work of a detector grows with a hostile text is counted line by line, which takes its time: make test.
test-fast: setup ## The tests that a change to a detector, a policy or a codec needs
	@$(BIN)/pytest --numprocesses=auto --dist=loadfile -k "not grows_as" tests/policies tests/unit/consumers/moderation tests/unit/consumers/test_batch.py tests/unit/consumers/test_rows.py tests/unit/glue/test_codec.py tests/unit/glue/kpl consumers/moderation glue/codec.py glue/kpl

test-properties: setup ## The property tests, each with 300 examples that nobody chose; SEED=random
	@$(BIN)/pytest -m "hypothesis and not heavy" --numprocesses=auto --dist=loadfile --hypothesis-profile=many $(if $(SEED),--hypothesis-seed=$(SEED))

test-pipeline: setup ## Scenarios on the laptop runtime, all but the long ones: lanes, policies, clients, kills, garbage
	@$(BIN)/pytest --numprocesses=auto --dist=loadfile tests/pipeline

test-heavy: setup ## The long tests: replay, redrive, load and kills on the laptop runtime, a thousand tamperings
	@$(BIN)/pytest -m heavy --numprocesses=auto --dist=loadfile tests/pipeline

rights: setup ## A whole run with rights enforced: no refusal, and nothing granted that nobody needs; each statement changed is found
	@$(BIN)/pytest -m heavy tests/pipeline/test_rights.py tests/house/test_rights_mutants.py

test-browser: setup ## The dashboard's pages in headless Chromium, which has to be on this machine
	@for program in "$${CHROMIUM:-chromium}" "$${CHROMEDRIVER:-chromedriver}"; do command -v "$$program" >/dev/null || \
	  { echo "$$program is not on this machine. Debian and Ubuntu: apt-get install chromium chromium-driver;" \
	    "elsewhere: make test-browser, with CHROMIUM=/path and CHROMEDRIVER=/path in the environment"; exit 1; }; done
	@$(BIN)/pytest tests/browser

test-recommended: setup ## Every command that the demo and the README recommend, on the demo's lake (after make demo)
	@$(BIN)/pytest tests/recommended

test-data: setup ## Tests on real data and recorded AWS answers; DATA=folder
	@test -d "$(DATA)" || { echo "DATA=$(DATA) is no folder. Give the data folder: make test-data DATA=/path"; exit 1; }
	@STREAMKEEPER_DATA="$(abspath $(DATA))" $(BIN)/pytest -m "heavy or not heavy" tests/data tests/sql/trino

test-api: setup ## The content API on the laptop runtime under schemathesis; EXAMPLES=200 SEED=1
	@$(BIN)/python -m tests.api --examples $(or $(EXAMPLES),200) --seed $(or $(SEED),1)

test-clients: setup ## Real clients against the laptop runtime, each installed in build/clients; CLIENTS="kpl kcl", PYATHENA=its repository
	@$(if $(PYATHENA),PYATHENA="$(abspath $(PYATHENA))") $(BIN)/python -m tests.clients $(CLIENTS)

template-check: .venv-sam/ready ## sam validate --lint, in an environment of its own (its pins clash with ours)
	@SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 .venv-sam/bin/sam validate --lint --template infra/aws/template.yaml

.venv-sam/ready: infra/aws/requirements-sam.lock
	@$(PYTHON) -m venv .venv-sam
	@.venv-sam/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

.venv-audit/ready: infra/supply_chain/requirements-audit.lock
	@$(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

audit: bundle .venv-audit/ready ## Known vulnerabilities, risky code, licences, template, SBOM, imports on aarch64; ADVISORIES=, AARCH64=, STRICT=1
	@$(BIN)/python -m infra.supply_chain $(if $(ADVISORIES),--advisories "$(ADVISORIES)") $(if $(AARCH64),--aarch64 "$(AARCH64)") $(if $(STRICT),--strict)

test-perspective: setup ## Nine clients of Perspective, unmodified, against streamkeeper serve; needs the network, uv, npm, go and cargo
	@STREAMKEEPER_CLIENTS="$(abspath build/clients/perspective)" $(BIN)/pytest tests/clients/test_perspective_clients.py

train: setup ## The linear model's weights again, from the data folder, byte for byte; DATA=folder
	@test -d "$(DATA)" || { echo "DATA=$(DATA) is no folder. Give the data folder: make train DATA=/path"; exit 1; }
	@$(BIN)/streamkeeper train --recipe consumers/models/default.toml --folder "$(DATA)" --out consumers/models/default.bin

lists: setup ## The word lists again, from the data folder; DATA=folder
	@test -d "$(DATA)" || { echo "DATA=$(DATA) is no folder. Give the data folder: make lists DATA=/path"; exit 1; }
	@$(BIN)/python -m consumers.training.lists "$(DATA)"

quality: setup .venv-peers/ready ## What the default policy finds and misses, beside other tools, into docs/quality.md; DATA=folder
	@test -d "$(DATA)/labelled" || { echo "DATA=$(DATA) has no labelled texts. Give the data folder: make quality DATA=/path"; exit 1; }
	@$(BIN)/python -m benchmarks.quality --data "$(DATA)" --peers .venv-peers/bin/python --out docs/quality.md

.venv-peers/ready: benchmarks/requirements-peers.lock
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

bench: setup ## The consumer beside the usual handler, on real texts and made-up ones; its calls; hostile texts; a cold start
	@test -d "$(DATA)/streams" || { echo "DATA=$(DATA) has no texts. Give the data folder: make bench DATA=/path"; exit 1; }
	@$(BIN)/python -m benchmarks.real --data "$(DATA)"
	@$(BIN)/python -m benchmarks.effects
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.many_terms
	@$(BIN)/python -m benchmarks.hostile
	@$(BIN)/python -m benchmarks.cold_start

oracle-trino: setup build/trino/classpath ## What Trino 435 answers to new statements of tests/sql/trino, recorded beside them; Java 17 and Maven; ALL=1 for all
	@mkdir -p build/trino/classes
	@javac -cp "$$(cat build/trino/classpath)" -d build/trino/classes tests/sql/trino/oracle/src/main/java/Oracle.java
	@$(BIN)/python -m tests.sql.trino.record --classpath build/trino/classpath --classes build/trino/classes $(if $(ALL),--all)
	@$(BIN)/pytest -m heavy tests/sql/trino

build/trino/classpath: tests/sql/trino/oracle/pom.xml
	@command -v mvn javac >/dev/null || { echo "mvn and javac are not on this machine. Debian and Ubuntu: apt-get install maven openjdk-17-jdk-headless"; exit 1; }
	@mkdir -p build/trino
	@echo "Fetching Trino's parts (once; a few minutes) ..."
	@mvn -q -B -f tests/sql/trino/oracle/pom.xml dependency:build-classpath -Dmdep.outputFile="$(abspath $@)"

faults: setup ## Every call fails at every index, disks fill, clocks jump, shards split: what became of every id, counted
	@$(BIN)/pytest tests/faults

gamedays: setup ## Something breaks, and the alarm that names it goes off within 15 virtual minutes; a clean day of 24 hours
	@$(BIN)/pytest --numprocesses=auto --dist=loadfile tests/gamedays

rollbacks: setup ## Bad builds are deployed and stopped, by the gate or by an alarm; every event counted
	@$(BIN)/pytest tests/rollback

mutants: setup ## Plant small defects in what must not fail, and count those that the tests notice; SAMPLE=400 SEED=1
	@$(BIN)/python -m tests.mutation --sample $(or $(SAMPLE),400) --seed $(or $(SEED),1)

audited: setup ## The audit of two lakes of 2 million events, one with faults, beside a count of its own; EVENTS=2000000
	@$(BIN)/python -m benchmarks.audited --events $(or $(EVENTS),2000000)

kill-loop: setup ## kill -9 a producer with a spool, again and again; every accepted id lands; ROUNDS=50 SEED=1
	@$(BIN)/python -m benchmarks.kills --rounds $(or $(ROUNDS),50) --seed $(or $(SEED),1)

kill-runtime: setup ## kill -9 the laptop runtime while it is written to, again and again; nothing answered is gone; ROUNDS=20 SEED=1
	@$(BIN)/python -m benchmarks.runtime_kills --rounds $(or $(ROUNDS),20) --seed $(or $(SEED),1)

bench-durability: setup ## Records a second that the laptop runtime accepts with --data and without
	@$(BIN)/python -m benchmarks.durability

bench-plugin: setup ## What the pytest plugin costs: to the first test, and to an empty stack for the next one
	@$(BIN)/python -m benchmarks.testing_plugin

burst: setup ## Ten times the usual rate for a minute onto a stream that throttles; accepted = landed
	@$(BIN)/python -m benchmarks.bursts

bench-producers: setup ## KPL format beside aws_kinesis_agg's, and sending beside plain boto3, each in one run
	@$(BIN)/python -m benchmarks.aggregation
	@$(BIN)/python -m benchmarks.producing

render: setup ## Bring what is made from the contract, the reports and the policy up to date
	@$(BIN)/python -m glue render
	@$(BIN)/python -m athena render
	@$(BIN)/python -m infra.render
	@$(BIN)/python -m consumers.policy_tools.schema
	@$(BIN)/python -m consumers.policy_tools.expressions

golden: setup ## The golden batch, which a new version is judged by before it gets traffic
	@$(BIN)/python -m infra.golden

bundle: setup ## The Lambda bundle that the template deploys, in build/lambda; the first time fetches a compiler (100 MB)
	@[ .venv-zig/ready -nt infra/requirements-zig.lock ] || $(MAKE) --no-print-directory .venv-zig/ready || \
	  echo "The compiler for arm64 could not be fetched, see above; the bundle is made without what is in C."
	@$(BIN)/python -m infra.bundle

.venv-zig/ready: infra/requirements-zig.lock
	@echo "Fetching the compiler for arm64 (once; 100 MB) ..."
	@$(PYTHON) -m venv .venv-zig
	@.venv-zig/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r $<
	@touch $@

clean: ## Remove what was made
	@rm -rf .venv .venv-sam .venv-peers .venv-audit .venv-zig build .streamkeeper consumers/native/native.so
