#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gate.sh BINARY STANDIN COMPILER [--write]: gate.py by the Python that has what it needs.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
if [ ! -x build/venv/bin/python ]; then
    echo "no build/venv: ./dev test makes it"
    exit 77
fi
exec env PYTHONDONTWRITEBYTECODE=1 build/venv/bin/python bench/gate.py "$@"
