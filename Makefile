# What you can do with this repository. Every recipe is a line you could have typed yourself.
.DEFAULT_GOAL := help
.PHONY: help start-services stop-services status logs clean prefund migrate mine \
        build test lint fmt gas e2e conformance

BLOCKS ?= 1
binaries := $(or $(CARGO_TARGET_DIR),target)/debug
sparky   := $(binaries)/sparky
xtask    := cargo run --quiet --package sparky-xtask --

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

start-services: ## Build what is missing; start chain, relay and DApp in the background, with contract and funds
	@$(xtask) start

stop-services: ## Stop what start-services started
	@$(if $(wildcard $(sparky)),$(sparky) --output table stop,echo "Nothing is built, so nothing is running.")

status: | $(sparky) ## Say whether the services run and are ready
	@$(sparky) status

logs: | $(sparky) ## Show the services' log
	@$(sparky) logs

clean: stop-services ## Stop everything and remove all data (chain, database, profiles)
	rm -rf $(or $(SPARKY_DATA),.sparky)

prefund: | $(sparky) ## Fund the demo accounts; repeating it changes nothing
	@$(sparky) prefund

migrate: | $(sparky) ## Apply the SQL migrations and deploy the contract; repeating it changes nothing
	@$(sparky) migrate

mine: | $(sparky) ## Mine blocks: make mine BLOCKS=100
	@$(sparky) mine $(BLOCKS)

build: ## Build the DApp and the binary that embeds it
	@$(xtask) build

test: ## All that CI checks (installs Debian's chromium when it is missing)
	@$(xtask) test

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

conformance: ## Compare the dev chain with what a real node answered
	cargo test --workspace --locked --test conformance -- --nocapture

$(sparky):
	@$(xtask) build
