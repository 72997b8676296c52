#!/bin/sh
# Run once by the image of PostgreSQL, in an empty database: the role that Muster serves with owns nothing there, and its queue
# has a database of its own (docs/operations.md, "Two roles on PostgreSQL").
set -eu
psql --set ON_ERROR_STOP=1 --set password="$MUSTER_DATABASE_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE muster_app LOGIN NOINHERIT PASSWORD :'password';
CREATE ROLE muster_every_host NOLOGIN;
GRANT muster_every_host TO muster_app;
CREATE DATABASE muster_queue OWNER muster_app;
SQL
