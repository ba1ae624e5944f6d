#!/usr/bin/env bash
# Runs compose/secrets.sh in folders of its own: an empty one, those that earlier versions have left, and each of them
# once more. Every secret of the compose file has to be there, and what was there has to be as it was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../compose"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mapfile -t wanted < <(sed -n 's|^ *file: secrets/||p' compose.yaml | sort)

fail() {
    printf 'secrets.sh: %s\n' "$*" >&2
    exit 1
}

# before CASE NAME...: a folder in which these secrets are.
before() {
    local secrets="$work/$1/secrets" name
    mkdir -p "$secrets"
    cp secrets.sh "$work/$1/"
    shift
    for name in "$@"; do
        # As an editor leaves it.
        printf 'kept %s\n' "$name" >"$secrets/$name"
        chmod 0444 "$secrets/$name"
    done
}

# run CASE: the script, three times; the folder then has all secrets, and those of before.
run() {
    local case="$1" secrets="$work/$1/secrets" first name
    local -a kept
    mapfile -t kept < <(find "$secrets" -type f -size +0 ! -name '*.part' -printf '%f\n')
    bash "$work/$case/secrets.sh" >"$work/said" || fail "$case: the first run ended with $?"
    first="$(cd "$secrets" && sha256sum -- *)"
    for _ in 2 3; do
        bash "$work/$case/secrets.sh" >"$work/said" || fail "$case: a further run ended with $?"
        [ ! -s "$work/said" ] || fail "$case: a further run created something: $(cat "$work/said")"
    done
    [ "$(cd "$secrets" && sha256sum -- *)" = "$first" ] || fail "$case: a further run changed a secret"
    for name in "${kept[@]}"; do
        [ "$(cat "$secrets/$name")" = "kept $name" ] || fail "$case: $name was not kept"
    done
    for name in "${wanted[@]}"; do
        [ -s "$secrets/$name" ] || fail "$case: there is no $name"
        [ "$(stat -c %a "$secrets/$name")" = 444 ] || fail "$case: $name is not readable in a container"
    done
    [ "$(stat -c %a "$secrets")" = 700 ] || fail "$case: others may look into the folder"
}

same() { cmp -s "$work/$1/secrets/$2" "$work/$1/secrets/$3" || fail "$1: $2 is not $3"; }

[ "${#wanted[@]}" -gt 0 ] || fail "compose.yaml names no secrets"

before new
run new

before one-secret token-key
run one-secret
same one-secret booking-secret token-key

# What one database role was enough for.
before one-role booking-secret token-key cluster-secret database-password grafana-password database-url
run one-role
same one-role database-owner-url database-url

# Each secret by itself, made by hand or left by a run that was ended.
for name in "${wanted[@]}"; do
    before "only-$name" "$name"
    run "only-$name"
done

# A run that was ended while it wrote, by the script of before and by this one.
before ended token-key
: >"$work/ended/secrets/cluster-secret"
chmod 0444 "$work/ended/secrets/cluster-secret"
printf 'half' >"$work/ended/secrets/accounts-key.part"
run ended
[ "$(wc -c <"$work/ended/secrets/accounts-key")" -eq 64 ] || fail "ended: accounts-key is half a secret"
