#!/usr/bin/env bash
# All tests, as `make test` and CI run them. BIN names the environment's folder of commands.
set -euo pipefail
cd "$(dirname "$0")/.."
BIN=${BIN:-.venv/bin}
install_chromium() {
  apt-get update -qq >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null 2>&1 || echo "Chromium could not be installed."
}
# It is fetched and unpacked while style and types are looked at.
if ! command -v chromium >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Chromium for the browser journeys…"
  install_chromium &
fi
# The tests start some hundred processes of ours: each would compile everything again.
unset PYTHONDONTWRITEBYTECODE
"$BIN/ruff" check .
"$BIN/ruff" format --check .
"$BIN/mypy"
"$BIN/lint-imports"
wait
# Three at a time on two cores, since tests wait a third of their time for other processes. A file is one worker's, so
# that its fixtures are made once, and files are begun in the order of tests/conftest.py.
"$BIN/python" -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --durations=10 "$@"
