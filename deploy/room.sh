#!/usr/bin/env bash
# room.sh FOLDER: says whether the disk of FOLDER, where cargo builds, has room for a whole run of
# deploy/test.sh. rustc reports a full disk only after minutes, and seldom as such.
set -euo pipefail

# A run that began empty leaves about 5.5 GiB below FOLDER (without incremental compilation, which would
# add gigabytes); the rest is for the logs and databases of services and tests while they run.
NEEDED_GIB=8

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
