#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BINARY SANITIZER [PYTEST OPTIONS] FILE...: end-to-end tests against that binary, in network
# and mount namespaces of their own where that is allowed, so that nothing can leave the machine.
# SANITIZER is what the binary was built with ("" for none).
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
python=$root/build/venv/bin/python
skipped=77

if [ ! -x "$python" ]; then
    echo "no build/venv: ./dev test makes it"
    exit "$skipped"
fi
if [ -z "${SIGV4_NAMESPACE:-}" ]; then
    if unshare -n -m true 2>/dev/null; then
        exec env SIGV4_NAMESPACE=own unshare -n -m "$0" "$@"
    elif unshare -U -r -n -m true 2>/dev/null; then
        exec env SIGV4_NAMESPACE=own unshare -U -r -n -m "$0" "$@"
    fi
    echo "no namespace of its own is allowed here: tests that need one are skipped"
    export SIGV4_NAMESPACE=none
fi
if [ "$SIGV4_NAMESPACE" = own ]; then
    ip link set lo up
fi
SIGV4_BINARY=$(readlink -f "$1")
SIGV4_SANITIZER=$2
shift 2
export SIGV4_BINARY SIGV4_SANITIZER PYTHONDONTWRITEBYTECODE=1
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY no_proxy NO_PROXY
cd "$root"
exec "$python" -m pytest -q -p no:cacheprovider -c tests/e2e/pytest.ini --rootdir . "$@" </dev/null
