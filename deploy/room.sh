#!/usr/bin/env bash
# room.sh FOLDER: says whether the disk of FOLDER, where cargo builds, has room for a whole run of
# deploy/test.sh. rustc reports a full disk only after minutes, and seldom as such.
set -euo pipefail

# What a run leaves below FOLDER when it began empty, without incremental compilation, and what its
# services and tests need beside that.
NEEDED_GIB=10

folder=$1
mkdir -p "$folder"
free_gib=$(($(df --output=avail -k "$folder" | tail -n 1) >> 20))
# What is built already need not fit a second time.
built_gib=$(($(du -sk "$folder" | cut -f 1) >> 20))
if [ $((free_gib + built_gib)) -lt "$NEEDED_GIB" ]; then
    printf '%s GiB are free in %s, where %s GiB are built already; a whole run needs %s GiB: %s\n' \
        "$free_gib" "$folder" "$built_gib" "$NEEDED_GIB" \
        "free some, or set CARGO_TARGET_DIR to a folder of another disk" >&2
    exit 3
fi
