#!/bin/sh
# docker compose for this folder: the plugin where it is installed, else docker-compose.
# What .env lacks of .env.example is added to it first, with passwords of its own.
set -eu
cd "$(dirname "$0")"
env=${SPARKY_ENV_FILE:-.env}

umask 077
[ -e "$env" ] && fresh=no || fresh=yes
while IFS= read -r line; do
    case $line in
    [A-Z]*=*)
        if [ $fresh = no ] && grep -q "^${line%%=*}=" "$env"; then continue; fi
        case $line in *_PASSWORD=) line=$line$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n') ;; esac
        ;;
    *) if [ $fresh = no ]; then continue; fi ;;
    esac
    echo "$line"
done <.env.example >"$env.new"
# A last line without an end would become one with the first new one.
[ ! -s "$env" ] || [ -z "$(tail -c 1 "$env")" ] || echo >>"$env"
cat "$env.new" >>"$env"
rm "$env.new"

if docker compose version >/dev/null 2>&1; then
    exec docker compose --env-file "$env" "$@"
fi
exec docker-compose --env-file "$env" "$@"
