#!/usr/bin/env python3
"""Puts bugs into a copy of the code, one at a time, and writes down what notices each.

    processor/simulation/mutants/run.py [--only NAME,NAME] [--scratch DIR] [--target DIR]
    processor/simulation/mutants/run.py --check

The copy is a git worktree of HEAD, so commit first what is to be tested. Its build folder must not
be that of the original: cargo would take the one for the other. The table goes into
processor/simulation/MUTANTS.md; with --only, the rows of the others stay as they are. Ends with 1
when a bug survives. --check only checks that each bug still finds the text that it changes.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
TABLE = HERE.parent / "MUTANTS.md"
SEEDS = 120
COMMANDS = 2000
CHECK_MAX_S = 400
LATE = -1000
FILES = ["mutants.toml", "offers.toml", "orders.toml", "halls.toml"]
DEFAULT_CHECKS = ["cluster", "embedded", "differential", "engine"]

TESTS = {
    "differential": ["-p", "onsale-simulation", "--test", "differential"],
    "differential-three": ["-p", "onsale-simulation", "--test", "differential", "--",
                           "version_3", "orders"],
    "engine": ["-p", "onsale-engine", "--lib"],
    "prices": ["-p", "onsale-prices", "--lib"],
    "log": ["-p", "onsale-log", "--lib"],
    "snapshot": ["-p", "onsale-snapshot", "--lib"],
    "member": ["-p", "onsale-processor", "--test", "processor", "--", "member", "replica"],
}
SWITCH = """
/// Which bug is switched on.
pub mod mutant {
    /// True while the bug of that name is switched on.
    pub fn is(name: &str) -> bool {
        static ASKED: std::sync::LazyLock<Option<String>> =
            std::sync::LazyLock::new(|| std::env::var("ONSALE_MUTANT").ok());
        ASKED.as_deref() == Some(name)
    }
}
"""
NAMES = {
    "cluster": "simulator, cluster",
    "embedded": "simulator, embedded log",
    "orders": "simulator, cluster with machine version 3",
    "upgraded": "simulator, cluster that is upgraded to machine version 3",
    "differential": "property tests against the model",
    "differential-three": "property tests against the model, machine version 3",
    "prices": "tests of the prices",
    "engine": "tests of the engine",
    "log": "tests of the log",
    "snapshot": "tests of the snapshots",
    "member": "tests of the member",
}


# How each kind of world is asked for.
WORLDS = {
    "cluster": ["--world", "cluster"],
    "embedded": ["--world", "embedded"],
    "orders": ["--world", "cluster", "--machine-version", "3"],
    "upgraded": ["--world", "cluster", "--machine-version", "2"],
}


def run(command, scratch, env, limit_s=None):
    try:
        done = subprocess.run(command, cwd=scratch, env=env, text=True, timeout=limit_s,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return LATE, "no end within %d s\n%s" % (limit_s, late.stdout or "")


def simulate(world, scratch, env, target):
    build = ["cargo", "build", "-q", "-p", "onsale-simulation", "--bin", "simulate"]
    code, said = run(build, scratch, env)
    if code != 0:
        sys.exit("does not build:\n" + said)
    command = [str(target / "debug" / "simulate"), *WORLDS[world], "--seeds", str(SEEDS),
               "--commands", str(COMMANDS), "--as-is"]
    code, said = run(command, scratch, env, CHECK_MAX_S)
    if code in (0, LATE):
        # A busy machine proves nothing.
        return None
    found = re.search(r"^seed (\d+) is wrong after \d+ commands: (.*)", said, re.M)
    if not found:
        return "?", said.strip().splitlines()[-1][:160]
    return str(int(found[1]) + 1), found[2]


def test(check, scratch, env):
    command = ["cargo", "test", "-q"] + TESTS[check]
    code, said = run(command, scratch, env, CHECK_MAX_S * 2)
    if code == 0:
        return None
    if code != LATE and "test result: FAILED" not in said:
        # It does not compile, or there is no such test: that is no bug noticed.
        sys.exit("does not run:\n" + said[-3000:])
    failed = re.findall(r"^    ([a-z0-9_:]{8,})$", said, re.M)
    return "–", ", ".join(sorted(set(failed))[:3]) or "does not end"


def judge(mutant, scratch, env, target):
    env = dict(env, ONSALE_MUTANT=mutant["name"])
    for check in mutant.get("checks", DEFAULT_CHECKS):
        if check in WORLDS:
            found = simulate(check, scratch, env, target)
        else:
            found = test(check, scratch, env)
        if found:
            return {"check": check, "seeds": found[0], "how": found[1]}
    return None


def edited(mutants, scratch):
    """The files with all edits made, each dormant until its bug is switched on."""
    root = scratch / "schemas" / "src" / "lib.rs"
    files = {root: root.read_text() + SWITCH}
    lost = []
    for mutant in mutants:
        for edit in mutant.get("edit", []):
            path = scratch / edit["file"]
            sound = files.get(path) or path.read_text()
            if sound.count(edit["old"]) != 1:
                lost.append("%s: %d places for the bug in %s" % (
                    mutant["name"], sound.count(edit["old"]), edit["file"]))
            new = re.sub(r"\{on:([a-z-]+)\}", r'onsale_schemas::mutant::is("\1")', edit["new"])
            files[path] = sound.replace(edit["old"], new)
    if lost:
        sys.exit("\n".join(lost))
    return files


def shorten(text):
    text = re.sub(r"\s+", " ", text).replace("|", "\\|")
    return text if len(text) <= 110 else text[:107] + "…"


def write_table(mutants, results):
    lines = [
        "# Bugs put in on purpose",
        "",
        "`processor/simulation/mutants/run.py` puts each of these bugs into a copy of the code, runs "
        "the simulator and the property tests until one of them fails, and writes this table. "
        "*Seeds* is how many worlds of %d commands it took, from seed 0 on." % COMMANDS,
        "",
        "| Bug | What it does | Caught by | Seeds | How it showed |",
        "|---|---|---|---|---|",
    ]
    for mutant in mutants:
        found = results.get(mutant["name"], {"check": None})
        if found["check"]:
            caught = (NAMES[found["check"]], found["seeds"], shorten(found["how"]))
        else:
            caught = ("**nothing**" if mutant["name"] in results else "not tried", "", "")
        lines.append("| `%s` | %s | %s | %s | %s |" % (mutant["name"], mutant["bug"], *caught))
    tried = [m for m in mutants if m["name"] in results]
    caught = [m for m in tried if results[m["name"]]["check"]]
    lines += ["", "%d bugs, %d tried, %d caught." % (len(mutants), len(tried), len(caught)), ""]
    TABLE.write_text("\n".join(lines))


def read_table():
    """The results that the table has, where those of earlier runs were not kept."""
    checks = {name: check for check, name in NAMES.items()}
    results = {}
    for line in TABLE.read_text().splitlines():
        row = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(row) != 5 or not row[0].startswith("`"):
            continue
        name, _, check, seeds, how = row
        if check in checks:
            how = how.replace("\\|", "|")
            results[name.strip("`")] = {"check": checks[check], "seeds": seeds, "how": how}
        elif check != "not tried":
            results[name.strip("`")] = {"check": None}
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--scratch", default=str(ROOT / "target" / "mutants" / "tree"))
    parser.add_argument("--target", default=str(ROOT / "target" / "mutants" / "build"))
    arguments = parser.parse_args()
    scratch, target = pathlib.Path(arguments.scratch), pathlib.Path(arguments.target)
    read = [tomllib.loads((HERE / file).read_text()) for file in FILES]
    mutants = [mutant for of_file in read for mutant in of_file["mutant"]]
    names = [mutant["name"] for mutant in mutants]
    assert len(set(names)) == len(names), "names must differ"
    only = [name for name in arguments.only.split(",") if name]
    assert set(only) <= set(names), "unknown: %s" % (set(only) - set(names))
    if arguments.check:
        edited(mutants, ROOT)
        print("%d bugs find their places" % len(mutants))
        return
    scratch.parent.mkdir(parents=True, exist_ok=True)
    kept = scratch.parent / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() else read_table()
    if scratch.exists():
        head = subprocess.check_output(["git", "-C", str(ROOT), "rev-parse", "HEAD"], text=True)
        subprocess.run(["git", "-C", str(scratch), "checkout", "-q", "--force", "--detach",
                        head.strip()], check=True)
    else:
        subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "-q", "--detach", str(scratch)],
                       check=True)
    for path, text in edited(mutants, scratch).items():
        path.write_text(text)
    env = dict(os.environ, CARGO_TARGET_DIR=str(target), CARGO_PROFILE_DEV_OPT_LEVEL="1",
               RUST_BACKTRACE="0")
    for world in WORLDS:
        found = simulate(world, scratch, env, target)
        assert found is None, "without a bug, %s fails: %s" % (world, found)
    survivors = []
    for mutant in mutants:
        if only and mutant["name"] not in only:
            continue
        started = time.monotonic()
        found = judge(mutant, scratch, env, target)
        results[mutant["name"]] = found or {"check": None}
        if not found:
            survivors.append(mutant["name"])
        print("%-32s %s (%.0f s)" % (mutant["name"], found or "SURVIVES",
                                     time.monotonic() - started), flush=True)
        kept.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        write_table(mutants, results)
    write_table(mutants, results)
    if survivors:
        sys.exit("survivors: " + ", ".join(survivors))


if __name__ == "__main__":
    main()
