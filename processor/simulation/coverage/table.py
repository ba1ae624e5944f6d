#!/usr/bin/env python3
"""Reads what cargo built and what llvm-cov counted, for coverage.sh.

    table.py binaries BUILD.json NAME...     the test programs of these names, one a line
    table.py table [--missing] LCOV...       the table, one column for each file
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
# What is counted: files below these, without what is only there for tests.
PARTS = {
    "engine": ["processor/engine/src"],
    "journal": ["processor/log/src/journal", "processor/log/src/journal.rs"],
    "replica and member": ["processor/src/replica.rs", "processor/src/member", "processor/src/member.rs"],
    "chain of outcomes": ["processor/log/src/chain.rs"],
}
ONLY_FOR_TESTS = {"tests", "testing.rs", "tests.rs", "memory.rs", "power_cuts", "power_cuts.rs"}
COLUMNS = ["worlds", "and model", "and own tests"]


def binaries(build, names):
    for line in pathlib.Path(build).read_text().splitlines():
        message = json.loads(line)
        if message.get("reason") != "compiler-artifact" or not message.get("executable"):
            continue
        if message["profile"]["test"] and message["target"]["name"].replace("-", "_") in names:
            print(message["executable"])


def part_of(path):
    if ONLY_FOR_TESTS & set(path.parts):
        return None
    for part, places in PARTS.items():
        if any(path == pathlib.Path(place) or pathlib.Path(place) in path.parents for place in places):
            return part
    return None


def tests_begin(path):
    """The line at which the tests at the end of a file begin."""
    lines = (ROOT / path).read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if line == "#[cfg(test)]" and lines[number].startswith("mod tests"):
            return number
    return len(lines) + 1


def read(lcov):
    """How often each line ran, by file."""
    counts = {}
    lines = None
    for line in pathlib.Path(lcov).read_text().splitlines():
        if line.startswith("SF:"):
            path = pathlib.Path(line[3:])
            path = path.relative_to(ROOT) if ROOT in path.parents else path
            lines = counts.setdefault(path, {}) if part_of(path) else None
        elif line.startswith("DA:") and lines is not None:
            number, count = line[3:].split(",")[:2]
            lines[int(number)] = lines.get(int(number), 0) + int(count)
    for path, lines in counts.items():
        end = tests_begin(path)
        for number in [number for number in lines if number >= end]:
            del lines[number]
    return counts


def percent(lines):
    ran = sum(1 for count in lines if count)
    return "%d of %d (%.1f %%)" % (ran, len(lines), 100 * ran / max(1, len(lines)))


def table(lcovs, with_missing):
    columns = [read(lcov) for lcov in lcovs]
    rows = {part: [[] for _ in columns] for part in PARTS}
    for number, column in enumerate(columns):
        for path, lines in column.items():
            rows[part_of(path)][number].extend(lines.values())
    print("| Lines | %s |" % " | ".join(COLUMNS[:len(columns)]))
    print("|---|%s" % ("---|" * len(columns)))
    for part, cells in rows.items():
        print("| %s | %s |" % (part, " | ".join(percent(cell) for cell in cells)))
    if not with_missing:
        return
    for path, lines in sorted(columns[-1].items()):
        missing = sorted(number for number, count in lines.items() if not count)
        if missing:
            source = (ROOT / path).read_text().splitlines()
            print("\n%s: %s" % (path, percent(lines.values())))
            for number in missing:
                print("%5d  %s" % (number, source[number - 1]))


def main():
    verb, rest = sys.argv[1], sys.argv[2:]
    if verb == "binaries":
        binaries(rest[0], rest[1:])
    else:
        table([arg for arg in rest if arg != "--missing"], "--missing" in rest)


main()
