#!/usr/bin/env bash
# Checks what is deployed but not compiled: Dockerfile, compose file, Kubernetes manifests, alerts,
# dashboards, shell scripts. Needs no Docker engine and no cluster. With ONSALE_BIN the settings are
# also given to that program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

deploy/checks/tools.sh
checks="$PWD/target/checks"
# Files built for the checks: the overlay, the compose model, rules from dashboards.
work="$checks/work"
mkdir -p "$work"
export PATH="$checks/bin:$PATH" PYTHONDONTWRITEBYTECODE=1

has() { [ -x "$checks/bin/$1" ]; }
step() { printf 'checking %s\n' "$*"; }

step "YAML"
yamllint --strict -c deploy/checks/yamllint.yaml deploy

step "shell scripts"
git ls-files '*.sh' .ci/run deploy/container/healthcheck | xargs shellcheck --severity=warning

step "Python"
ruff format --quiet --check deploy/checks
ruff check --quiet deploy/checks

step "Dockerfile"
hadolint deploy/container/Dockerfile

step "compose file"
check-jsonschema --builtin-schema vendor.compose-spec deploy/compose/compose.yaml
if has compose-load; then
    (cd deploy/compose && compose-load -format json compose.yaml) >"$work/compose.json"
    python3 deploy/checks/compose.py "$work/compose.json"
fi

step "secrets of the compose file"
deploy/checks/secrets.sh

if has kustomize; then
    step "Kubernetes manifests"
    cp deploy/kubernetes/base/secret.example.yaml "$work/secret.yaml"
    cp deploy/kubernetes/base/migrate.example.yaml "$work/migrate.yaml"
    kustomize build deploy/kubernetes/base >"$work/base.yaml"
    kustomize build deploy/kubernetes/overlays/example >"$work/overlay.yaml"
    # The oldest version that the manifests support, and the newest known one. Kinds of the
    # Prometheus operator have no schema there; references.py checks them.
    for version in 1.30 1.37; do
        kubernetes-validate --kubernetes-version "$version" --strict --quiet --no-warn \
            "$work/secret.yaml" "$work/migrate.yaml" "$work/base.yaml" "$work/overlay.yaml"
    done
    python3 deploy/checks/references.py "$work/overlay.yaml" "$work/secret.yaml"
fi

step "settings"
python3 deploy/checks/settings.py

step "metrics, alerts, dashboards"
python3 deploy/checks/metrics.py "$work/dashboards.yaml"
if has promtool; then
    promtool check config deploy/observability/prometheus/prometheus.yaml >/dev/null
    promtool check rules "$work/dashboards.yaml" >/dev/null
    promtool test rules deploy/observability/prometheus/alerts-test.yaml >"$work/alerts.txt" \
        || { cat "$work/alerts.txt"; exit 1; }
fi

if [ -s "$checks/missing" ]; then
    sed 's/^/NOT CHECKED: /' "$checks/missing"
    # A developer's machine may lack a tool; CI must not.
    [ "${CI:-}" != true ] || exit 1
fi
echo "manifests are fine"
