#!/bin/sh
# Makes the secrets of compose.yaml, once: a file that is there stays as it is. Others on this machine cannot enter the folder;
# the containers get its files one by one, and read them as users of their own.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
cd secrets

make() {
  [ -e "$1" ] || printf '%s' "$2" >"$1"
  chmod 444 "$1"
}
random() { openssl rand -hex 32; }

make postgres-password "$(random)"
make database-url "postgres://sluice:$(cat postgres-password)@postgres:5432/sluice"
make admin-token "$(random)"
make ingest-token "$(random)"
make push-keys "k1:$(random)"
make session-keys "k1:$(random)"
make pseudonym-keys "k1:$(random)"
make encryption-keys "k1:$(random)"
make grafana-password "$(random)"
