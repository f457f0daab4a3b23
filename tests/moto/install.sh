#!/usr/bin/env bash
# Installs moto, which plays AWS in tests, and prints its program.
#
# MOTO_SERVER, when it names one, is used as it is. Otherwise it is installed once from PyPI into the user's cache folder.
# Needs Python with venv.
set -euo pipefail

if [ -x "${MOTO_SERVER:-}" ]; then
  echo "$MOTO_SERVER"
  exit
fi

out="${XDG_CACHE_HOME:-$HOME/.cache}/kluctl-tests/moto"
if [ ! -x "$out/bin/moto_server" ]; then
  mkdir -p "$(dirname "$out")"
  python3 -m venv "$out"
  "$out/bin/pip" install --quiet --disable-pip-version-check 'moto[server,secretsmanager,kms,sts]==5.2.5' >&2
fi
echo "$out/bin/moto_server"
