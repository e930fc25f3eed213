# What you can do with this repository. Every recipe is a line you could have typed yourself.
.DEFAULT_GOAL := help
.PHONY: help start-services stop-services status logs clean prefund migrate mine \
        build test test-postgres test-compose crash lint fmt gas e2e bench conformance fuzz audit soak \
        start-devchain stop-devchain status-devchain logs-devchain clean-devchain \
        start-docker stop-docker status-docker logs-docker clean-docker

data := $(or $(SPARKY_DATA),.sparky)
# What start-services started, so that the other verbs need not be told.
-include $(data)/stack.mk

# devchain: chain and relay in one process, nothing to install.
# docker: qtumd, Postgres, NATS and two relays, see docker-compose.yml.
STACK  ?= devchain
BLOCKS ?= 1

binaries := $(or $(CARGO_TARGET_DIR),target)/debug
sparky   := $(binaries)/sparky
xtask    := cargo run --quiet --package sparky-xtask --

# How a chore is done: by the binary here, or by the same binary beside the containers.
chore-devchain = $(sparky)
chore-docker   = ./dc.sh run --rm -T sparky --output table
chore          = $(chore-$(STACK))
# What must be there for it.
needs-devchain = $(sparky)
needs          = $(needs-$(STACK))

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

start-services: start-$(STACK) ## Build what is missing; start chain, relay and DApp, with contract and funds (STACK=docker)

stop-services: stop-$(STACK) ## Stop what start-services started

status: status-$(STACK) ## Say whether the services run and are ready

logs: logs-$(STACK) ## Show the services' log

clean: clean-$(STACK) ## Stop everything and remove all data (chain, database, profiles)
	rm -rf $(data)

prefund: | $(needs) ## Fund the demo accounts; repeating it changes nothing
	@$(chore) prefund

migrate: | $(needs) ## Apply the SQL migrations and deploy the contract; repeating it changes nothing
	@$(chore) migrate

mine: | $(needs) ## Mine blocks: make mine BLOCKS=100
	@$(chore) mine $(BLOCKS)

start-devchain:
	@$(xtask) start
# What runs may have been built elsewhere (CARGO_TARGET_DIR): its card says that there is something to stop.
stop-devchain: | $(if $(wildcard $(data)/dev.json),$(sparky))
	@if [ -x $(sparky) ]; then $(sparky) --output table stop; else echo "Nothing is running."; fi
status-devchain: | $(sparky)
	@$(sparky) status
logs-devchain: | $(sparky)
	@$(sparky) logs
clean-devchain: stop-devchain

start-docker:
	@mkdir -p $(data)
	@echo 'STACK ?= docker' > $(data)/stack.mk
	./dc.sh up --detach --build
	@$(chore-docker) prefund
# stack.mk stays until clean: what was stopped can still be started, looked at and removed.
stop-docker:
	./dc.sh stop
status-docker:
	@./dc.sh ps
logs-docker:
	@./dc.sh logs --tail=100
clean-docker:
	./dc.sh --profile monitoring --profile tools down --volumes --remove-orphans

build: ## Build the DApp and the binary that embeds it
	@$(xtask) build

test: ## All that CI checks (installs Debian's chromium when it is missing)
	@$(xtask) test

test-postgres: ## The relay's tests on a Postgres of their own (installs Debian's when it is missing)
	@$(xtask) test-postgres

test-compose: ## Bring docker-compose.yml up for real, pay, kill a relay, go on, close
	@$(xtask) test-compose

crash: ## End the services at every named point, fifty times each, and look for losses
	@$(xtask) crash

lint: ## Ask clippy and the TypeScript compiler
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	cd starter-kit && npm run --silent typecheck

fmt: ## Format Rust and Solidity
	cargo fmt --all
	cd contracts && npx --no-install forge fmt

gas: ## Print what each contract call costs, beside others', and fail above a bar
	cd contracts && npm run --silent gas

e2e: ## Play the story in a browser (installs Debian's chromium when it is missing)
	@$(xtask) e2e

bench: ## Measure the relay, its parts and their baselines, at most eight minutes; also into target/bench.json
	@$(xtask) bench

audit: ## Ask for known vulnerabilities of what comes from others (cargo deny, npm audit)
	@$(xtask) audit

MINUTES ?= 60
soak: ## Load a relay with 10,000 idle and 1,000 busy for an hour, compressed: make soak MINUTES=600
	SPARKY_SOAK_IDLE=10000 SPARKY_SOAK_PAIRS=100 SPARKY_SOAK_EVERY=5 SPARKY_SOAK_MINUTES=$(MINUTES) \
	cargo test --locked --package sparky-relay --test soak

conformance: ## Compare the dev chain with what a real node answered
	cargo test --workspace --locked --test conformance -- --nocapture

fuzz: ## Play random channels until something breaks; TARGET=<name in fuzz/corpus>: one reader, with cargo-fuzz
	@$(xtask) fuzz $(TARGET)

$(sparky):
	@$(xtask) build
