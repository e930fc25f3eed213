#!/bin/sh
# Makes the cluster, the user and the database once, then becomes Postgres.
set -eu
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    file=$(mktemp)
    printf '%s' "$POSTGRES_PASSWORD" >"$file"
    # shellcheck disable=SC2086
    initdb --username="$POSTGRES_USER" --pwfile="$file" --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 \
        --locale=C.UTF-8 ${POSTGRES_INITDB_ARGS:-}
    rm "$file"
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl --silent --wait --options="-c listen_addresses=''" start
    PGPASSWORD=$POSTGRES_PASSWORD createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl --silent --wait stop
fi
exec postgres -c listen_addresses='*' "$@"
