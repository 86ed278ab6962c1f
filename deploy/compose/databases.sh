#!/usr/bin/env bash
# PostgreSQL's image calls this once, on an empty volume: a role and a database for each of the two programs.
set -euo pipefail

psql --quiet --set ON_ERROR_STOP=1 --username postgres <<'SQL'
\getenv airflow AIRFLOW_DATABASE_PASSWORD
\getenv headgate HEADGATE_METADATA_PASSWORD
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE ROLE headgate LOGIN PASSWORD :'headgate';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE headgate OWNER headgate;
SQL
