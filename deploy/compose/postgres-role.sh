#!/usr/bin/env bash
# Creates the role that Onsale connects as, once, when the database is created: it owns the database and is no
# superuser, so that row-level security binds it.
set -euo pipefail

# It reaches psql by standard input, so that no list of processes shows it.
password="$(cat /run/secrets/database-password)"
psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
SET log_statement = 'none';
CREATE ROLE onsale LOGIN PASSWORD '$password';
ALTER DATABASE onsale OWNER TO onsale;
SQL
