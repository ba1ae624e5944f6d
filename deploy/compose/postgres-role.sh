#!/usr/bin/env bash
# Creates the two roles of Onsale once, when the database is created. `onsale_owner` owns the database and what
# is in it, and only `onsale migrate` connects as it. `onsale` is what the nodes connect as: it owns nothing, so it
# cannot change what the audit trail says, and is no superuser, so row-level security binds it.
set -euo pipefail
secrets="${ONSALE_SECRETS:-/run/secrets}"

# They reach psql by standard input, so that no list of processes shows them.
owner_password="$(cat "$secrets/database-owner-password")"
password="$(cat "$secrets/database-password")"
psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
SET log_statement = 'none';
CREATE ROLE onsale_owner LOGIN PASSWORD '$owner_password';
CREATE ROLE onsale LOGIN PASSWORD '$password';
ALTER DATABASE "$POSTGRES_DB" OWNER TO onsale_owner;
REVOKE TEMPORARY ON DATABASE "$POSTGRES_DB" FROM PUBLIC;
SQL
