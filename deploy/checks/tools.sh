#!/usr/bin/env bash
# Installs the checkers of manifests.sh below target/checks, pinned, from package registries, and
# only what is missing. Afterwards target/checks/bin has everything; what is not available on this
# machine is listed in target/checks/missing, one line each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

KUSTOMIZE_VERSION=v5.6.0
COMPOSE_GO_VERSION=v2.6.0

root="$PWD/target/checks"
bin="$root/bin"
mkdir -p "$bin"
: >"$root/missing"
missing() { printf '%s\n' "$*" >>"$root/missing"; }

# Everything from PyPI, reinstalled when the list changed.
if ! cmp -s deploy/checks/requirements.txt "$root/requirements.txt"; then
    rm -rf "$root/venv"
    python3 -m venv "$root/venv"
    "$root/venv/bin/pip" install --quiet --disable-pip-version-check -r deploy/checks/requirements.txt
    for tool in check-jsonschema hadolint kubernetes-validate python3 ruff shellcheck yamllint; do
        ln -sf "$root/venv/bin/$tool" "$bin/$tool"
    done
    cp deploy/checks/requirements.txt "$root/requirements.txt"
fi

# NAME MODULE VERSION: a program from the Go module proxy.
from_go() {
    local name=$1 module=$2 version=$3
    [ -x "$bin/$name-$version" ] || {
        command -v go >/dev/null || return 1
        GOTOOLCHAIN=local GOFLAGS=-mod=mod GOBIN="$root/go" go install "$module@$version" || return 1
        mv "$root/go/$(basename "${module%/v[0-9]}")" "$bin/$name-$version"
    }
    ln -sf "$bin/$name-$version" "$bin/$name"
}

# The same code that `kubectl kustomize` runs.
from_go kustomize sigs.k8s.io/kustomize/kustomize/v5 "$KUSTOMIZE_VERSION" \
    || missing "kustomize needs Go: the Kubernetes manifests are not built"

# The loader of `docker compose config`, without a Docker engine.
from_go compose-load github.com/compose-spec/compose-go/v2/cmd "$COMPOSE_GO_VERSION" \
    || missing "compose-go needs Go: the compose file is checked against its schema alone"

# Debian ships promtool with Prometheus; only that file is extracted from the package.
if [ ! -x "$bin/promtool" ]; then
    if command -v promtool >/dev/null; then
        ln -s "$(command -v promtool)" "$bin/promtool"
    elif command -v apt-get >/dev/null; then
        package="$root/prometheus"
        rm -rf "$package"
        mkdir -p "$package"
        (
            cd "$package"
            apt-get download -qq prometheus 2>/dev/null \
                || { apt-get update -qq && apt-get download -qq prometheus 2>/dev/null; }
            dpkg-deb -x prometheus_*.deb files
        ) && mv "$package/files/usr/bin/promtool" "$bin/promtool"
        rm -rf "$package"
    fi
    [ -x "$bin/promtool" ] || missing "promtool is missing: alerts and dashboards are not evaluated"
fi
