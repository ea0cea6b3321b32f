#!/usr/bin/env bash
# Resolves pyproject.toml once for all variants and writes each as a file of hashed versions that names no server.
# uv.lock itself is not committed, because it does name one.
set -euo pipefail
cd "$(dirname "$0")/.."
export UV_SYSTEM_CERTS=1
uv=build/tools/bin/uv
plain=(--quiet --no-header --no-annotate)
parts=(--extra lab --extra data --extra serve --extra export --extra old) # every variant has all that does not clash

"$uv" pip compile "${plain[@]}" --upgrade --generate-hashes --universal requirements/uv.in -o requirements/uv.txt
"$uv" pip compile "${plain[@]}" --upgrade --generate-hashes --universal requirements/labelstudio.in -o requirements/labelstudio.txt
"$uv" lock --upgrade
for variant in cpu gpu gpu-jax; do
    "$uv" export "${plain[@]}" --frozen --no-emit-project --no-dev "${parts[@]}" --extra "$variant" -o "requirements/$variant.txt"
done
"$uv" export "${plain[@]}" --frozen --no-emit-project --group dev "${parts[@]}" --extra cpu -o requirements/dev.txt
