#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# image.sh FOLDER: docker/Dockerfile built by buildah on a Debian that mmdebstrap makes, then run by
# tests/e2e/test_image.py. FOLDER keeps the base. Exit code 77: a tool is missing.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
skipped=77
for tool in buildah mmdebstrap; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is not installed: the image is not built (./dev image installs it)"
        exit "$skipped"
    fi
done
if [ "$(id -u)" != 0 ]; then
    echo "not root: the image is not built"
    exit "$skipped"
fi

mkdir -p "$1"
folder=$(realpath "$1")
build() {
    buildah --root "$folder/storage" --runroot "$folder/run" --storage-driver vfs "$@"
}
size_of() {
    du -skx "$1" | cut -f1
}

if [ ! -f "$folder/base.tar" ]; then
    mmdebstrap --quiet --variant=minbase bookworm "$folder/base.part"
    mv "$folder/base.part" "$folder/base.tar"
fi
rm -rf "$folder/storage" "$folder/run"
trap 'rm -rf "$folder/storage" "$folder/run"' EXIT
base=$(build from scratch)
build add "$base" "$folder/base.tar" / >/dev/null
build commit -q "$base" localhost/debian:12 >/dev/null
build bud --format docker --isolation chroot --pull-never --build-arg BASE=localhost/debian:12 \
    --build-arg COMMIT=0123456789ab -f docker/Dockerfile -t localhost/sigv4-proxy .
build inspect --type image localhost/sigv4-proxy >"$folder/image.json"
image=$(build from --pull-never localhost/sigv4-proxy)
root=$(build mount "$image")
extra=$(($(size_of "$root") - $(size_of "$(build mount "$base")")))
echo "image: $extra KiB beside the base"
SIGV4_IMAGE_ROOT=$root SIGV4_IMAGE_JSON=$folder/image.json SIGV4_IMAGE_KIB=$extra \
    tests/e2e/run.sh "$root/usr/bin/sigv4-proxy" "" tests/e2e/test_image.py
