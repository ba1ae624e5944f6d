#!/usr/bin/env python3
"""Attacks `onsale dev` in every way that once worked, and watches a client that behaves meanwhile.

    deploy/checks/attacks/run.py --binary FILE [--short] [--only A,B] [--list] [--json FILE]

Each attack has a server of its own: fresh data, loopback, default settings. While it goes on,
buyers reserve at a steady rate and memory is sampled. What has to hold: the process lives, its
memory stays below 1 GB, no reservation is lost, and what was granted is there afterwards.
Latencies of the buyers are reported; only the long form holds them to 50 ms at p99, on a machine
of its own and a release build. --short is what CI runs: seconds for each attack.

A request that is turned away (429, 503) is to be repeated later: not lost, but counted.

Exit 0 all hold, 1 some do not, 2 wrong use. Python's standard library only.
"""

import argparse
import importlib
import inspect
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from attacks import harness  # noqa: E402 (the folder above is put on the path first)

ATTACKS = (
    "never_reading",
    "http2_window_zero",
    "http2_control_frames",
    "silent_connections",
    "internal_bodies",
    "huge_keys",
    "many_shows",
    "idempotency_keys",
    "receipts",
    "many_users",
    "garbage",
    "slow_headers",
    "login_storm",
)


def run(module, binary, is_long):
    """What an attack did, and what did not hold."""
    begin = time.monotonic()
    wrong, notes = [], {}
    with harness.Server(
        binary, getattr(module, "DESCRIPTORS", None), getattr(module, "SERVER_SETTINGS", None)
    ) as server:
        steady = harness.Steady(server)
        arguments = [server]
        if len(inspect.signature(module.prepare).parameters) > 1:
            arguments.append(is_long)
        prepared = module.prepare(*arguments)
        # Before any thread: the buyers are a fork.
        steady.start()
        # Of sales alone, where a module compares.
        quiet_s = getattr(module, "QUIET_SECONDS", (0, 0))[is_long]
        time.sleep(quiet_s)
        attacked = time.monotonic()
        watch = harness.Watch(server)
        attacker = harness.Attacker(server, module.SECONDS[is_long])
        result = module.attack(attacker, prepared)
        if isinstance(result, tuple):
            result, notes = result
        wrong += result or []
        steady.end()
        attacker.close()
        watch.end()
        if not server.is_alive():
            wrong.append(f"the process ended: {server.text()[-600:]}")
        else:
            missing = steady.missing()
            if missing:
                wrong.append(f"{missing} granted bookings are not there afterwards")
        if watch.rss_max_mib > harness.RSS_MAX_MIB:
            wrong.append(f"{watch.rss_max_mib:.0f} MiB of memory")
        if steady.lost:
            wrong.append(f"{len(steady.lost)} reservations lost, the first: {steady.lost[0]}")
        if not steady.granted:
            wrong.append("nobody could buy anything")
        p50 = steady.quantile_ms(0.5, attacked)
        p99 = steady.quantile_ms(0.99, attacked)
        if quiet_s:
            notes["p99_ms_before_it"] = round(steady.quantile_ms(0.99, end=attacked), 1)
        if is_long and p99 > harness.P99_MAX_MS:
            wrong.append(f"p99 of reservations {p99:.0f} ms")
        return {
            "attack": module.NAME,
            "holds": not wrong,
            "wrong": wrong,
            "seconds": round(time.monotonic() - begin, 1),
            "rss_before_mib": round(watch.rss_before_mib),
            "rss_max_mib": round(watch.rss_max_mib),
            "descriptors_max": watch.descriptors_max,
            "granted": len(steady.granted),
            "turned_away": steady.turned_away,
            "p50_ms": round(p50, 1),
            "p99_ms": round(p99, 1),
            **notes,
        }


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--binary")
    arguments.add_argument("--short", action="store_true")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--json")
    given = arguments.parse_args()
    modules = [importlib.import_module(f"attacks.{name}") for name in ATTACKS]
    if given.list:
        for module in modules:
            print(f"{module.NAME:20} {module.__doc__}")
        return 0
    asked = [name for name in given.only.split(",") if name]
    unknown = set(asked) - {module.NAME for module in modules}
    if unknown or not given.binary or not pathlib.Path(given.binary).exists():
        print(f"run.py: {', '.join(unknown) or 'no --binary'}; see --list", file=sys.stderr)
        return 2
    binary = str(pathlib.Path(given.binary).resolve())
    reports = []
    for module in modules:
        if asked and module.NAME not in asked:
            continue
        report = run(module, binary, not given.short)
        reports.append(report)
        more = {
            key: report[key]
            for key in report
            if key
            not in (
                "attack",
                "holds",
                "wrong",
                "seconds",
                "rss_before_mib",
                "rss_max_mib",
                "descriptors_max",
                "granted",
                "turned_away",
                "p50_ms",
                "p99_ms",
            )
        }
        print(
            f"{'holds' if report['holds'] else 'FAILS':6}{report['attack']:20}"
            f"{report['rss_before_mib']:5} → {report['rss_max_mib']:5} MiB,"
            f" {report['granted']:5} sold, {report['turned_away']:4} turned away,"
            f" p50 {report['p50_ms']:7} ms, p99 {report['p99_ms']:8} ms,"
            f" {report['seconds']:5} s {more or ''}",
            flush=True,
        )
        for what in report["wrong"]:
            print(f"        {what}", flush=True)
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(reports, indent=1), encoding="utf-8")
    return 0 if all(report["holds"] for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
