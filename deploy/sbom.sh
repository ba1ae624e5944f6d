#!/usr/bin/env bash
# Writes target/sbom/onsale.cdx.json: a CycloneDX bill of materials of what the binary links, from
# Cargo.lock. Installs its pinned tool below target/tools when it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VERSION=0.5.9
export PATH="$PWD/target/tools/bin:$PATH"
if ! cargo cyclonedx --version 2>/dev/null | grep -qF "$VERSION"; then
    cargo install cargo-cyclonedx --version "$VERSION" --locked --quiet --root target/tools
fi
cargo fetch --locked --quiet
# The tool writes one beside each manifest; only the binary's is needed.
trap 'find . -name onsale-sbom.json -not -path "./target/*" -delete' EXIT
CARGO_NET_OFFLINE=true cargo cyclonedx --quiet --manifest-path deploy/onsale/Cargo.toml --format json \
    --spec-version 1.5 --no-build-deps --override-filename onsale-sbom
mkdir -p target/sbom
mv deploy/onsale/onsale-sbom.json target/sbom/onsale.cdx.json
echo "target/sbom/onsale.cdx.json: $(grep -c '"bom-ref"' target/sbom/onsale.cdx.json) components"
