#!/bin/sh
# docker compose for this folder: the plugin where it is installed, else docker-compose.
# The first call makes .env from .env.example, with passwords of its own.
set -eu
cd "$(dirname "$0")"
env=${SPARKY_ENV_FILE:-.env}

if [ ! -e "$env" ]; then
    umask 077
    while IFS= read -r line; do
        case $line in
        *_PASSWORD=) echo "$line$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;;
        *) echo "$line" ;;
        esac
    done <.env.example >"$env.new"
    mv "$env.new" "$env"
fi

if docker compose version >/dev/null 2>&1; then
    exec docker compose --env-file "$env" "$@"
fi
exec docker-compose --env-file "$env" "$@"
