#!/usr/bin/env python3
"""Says where the time of a test run went: the slowest tests, the time of each binary, and for how
long only few tests ran at once.

    deploy/checks/slowest.py [FILE]

FILE is nextest's report, by default target/nextest/default/junit.xml. Several tests run at once, so
these seconds add up to more than the run took. Python's standard library only.
"""

import collections
import datetime
import pathlib
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPORT = ROOT / "target/nextest/default/junit.xml"
TESTS_SHOWN = 30
BINARIES_SHOWN = 12
# Less is the moment between two tests.
SECONDS_SHOWN = 1


def main():
    report = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else REPORT
    # Nextest wrote it a moment ago.
    cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))  # noqa: S314
    tests = [
        (float(case.get("time", 0)), case.get("classname", ""), case.get("name", ""))
        for case in cases
    ]
    binaries = collections.Counter()
    for seconds, binary, _ in tests:
        binaries[binary] += seconds
    total = sum(binaries.values())
    print(f"{len(tests)} tests, {total:.0f} s one after the other; the slowest:")
    for seconds, binary, name in sorted(tests, reverse=True)[:TESTS_SHOWN]:
        print(f"{seconds:8.1f} s  {binary} {name}")
    print("by binary:")
    for binary, seconds in binaries.most_common(BINARIES_SHOWN):
        print(f"{seconds:8.1f} s  {binary}")
    print("tests at once:")
    for running, seconds in sorted(at_once(cases).items()):
        print(f"{seconds:8.1f} s  {running}")


def at_once(cases):
    """For how many seconds how many tests ran at once, from the first begin to the last end."""
    changes = collections.Counter()
    for case in cases:
        begin = datetime.datetime.fromisoformat(case.get("timestamp", "")).timestamp()
        changes[begin] += 1
        changes[begin + float(case.get("time", 0))] -= 1
    seconds = collections.Counter()
    running, before = 0, min(changes, default=0)
    for moment, change in sorted(changes.items()):
        seconds[running] += moment - before
        running, before = running + change, moment
    return {count: took for count, took in seconds.items() if took >= SECONDS_SHOWN}


if __name__ == "__main__":
    main()
