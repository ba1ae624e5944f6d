#!/usr/bin/env python3
"""Upgrades a cluster under load, as "Upgrading" in deploy/README.md says, and checks that nothing
is lost: upgrade.py OLD_BINARY NEW_BINARY [--rate N] [--mixed-s N]

deploy/cluster.sh starts Kafka, PostgreSQL, Redis and the nodes of the old program, with one
processor more, which is forgotten on purpose. Buyers reserve, confirm and cancel at both ingress
nodes from then on to the end. Steps: the schema, the projector, two processors, the first ingress
node, whose barrier raises the machine version. The forgotten processor has to stop there and say
why; the second ingress node stays old for some seconds, during which version 3 is used at the
first. Then these two are upgraded as well.

Prints one JSON object with what was measured; exit 1 if something does not hold, 3 if it could not
be tried. Times are figures and never a reason to fail, unless a request has no final answer within
two minutes. It takes about four minutes, and is not part of deploy/test.sh, which has no old
program: build one of the release before, whose newest machine version is 2.
"""

import argparse
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import time

from upgrading import check, third
from upgrading.buyers import Load, open_shows
from upgrading.cluster import FORGOTTEN, PARTITIONS, Cluster, FailedError, NoAnswerError

OLD_VERSION, NEW_VERSION = 2, 3
# What the old processor says at the barrier.
REASON = f"the log asks for machine version {NEW_VERSION}, this program knows {OLD_VERSION}"


def say(text):
    print(f"upgrade.py: {text}", file=sys.stderr, flush=True)


class Drill:
    def __init__(self, cluster, mixed_s):
        self.cluster, self.mixed_s = cluster, mixed_s
        self.problems, self.figures = [], {"steps": {}}

    def run(self, rate):
        say("opening shows with the old program")
        shows = open_shows(self.cluster, "ingress-1")
        self.offered = open_shows(self.cluster, "ingress-1")
        self.holds_version(self.cluster.old, OLD_VERSION)
        self.load = Load(self.cluster, shows, rate)
        try:
            self.steps()
        finally:
            self.bookings = self.load.end()
        self.tell_load()
        self.compare(shows)

    def steps(self):
        with self.step("before"):
            time.sleep(self.mixed_s)
        with self.step("schema"):
            self.cluster.migrate()
        for name in ("projector-1", "processor-1", "processor-2"):
            with self.step(name):
                self.cluster.upgrade(name)
                self.cluster.wait_for_owners()
        self.holds_version(self.cluster.new, OLD_VERSION)
        with self.step("ingress-1, and the barrier"):
            self.cluster.upgrade("ingress-1")
            self.forgotten_stops()
        with self.step("ingress-2 still old") as figures:
            self.mixed(figures)
        with self.step(FORGOTTEN):
            self.cluster.upgrade(FORGOTTEN)
            self.cluster.wait_for_owners()
        with self.step("ingress-2"):
            self.cluster.upgrade("ingress-2")
        with self.step("after"):
            time.sleep(self.mixed_s)
            self.problems += third.sell_by_offer(self.cluster, "ingress-2", self.offered)
        self.holds_version(self.cluster.new, NEW_VERSION)

    @contextlib.contextmanager
    def step(self, name):
        """Measures what buyers see from its beginning until every partition sells again."""
        say(name)
        began = time.monotonic()
        self.load.seen.begin_step()
        figures = {}
        yield figures
        figures["took_s"] = round(time.monotonic() - began, 1)
        self.load.progress()
        self.figures["steps"][name] = figures | self.load.seen.figures()

    def holds_version(self, binary, version):
        found = check.machine_versions(self.cluster, binary)
        if found != [version] * PARTITIONS:
            raise FailedError(f"machine versions of the log are {found}, not {version}")

    def forgotten_stops(self):
        """The processor of the old program stops at the barrier, and says so."""
        began, cluster = time.monotonic(), self.cluster

        def stopped():
            # One line for each partition that it follows, all of the same barrier.
            lines = [line for line in cluster.log_of_forgotten().splitlines() if REASON in line]
            return cluster.readiness_of_forgotten()[0] != 200 and lines

        try:
            cluster.wait(stopped, f"{FORGOTTEN} goes on, or does not say why it stopped")
        except FailedError as error:
            self.problems.append(f"{error}: {cluster.log_of_forgotten()[-2000:]}")
            return
        said = stopped()
        status, ready = cluster.readiness_of_forgotten()
        self.figures["old_processor"] = {
            "said": said[0],
            "partitions": len(said),
            "readiness": {"status": status, "says": ready},
            "after_s": round(time.monotonic() - began, 1),
        }

    def mixed(self, figures):
        """Version 3 at the new ingress node, while the old one goes on."""
        self.problems += third.sell_by_offer(self.cluster, "ingress-1", self.offered)
        asked, problems = third.ask_old(self.cluster, "ingress-2", "ingress-1", self.offered)
        self.problems += problems
        time.sleep(self.mixed_s)
        figures["shows_with_an_offer"] = asked
        with contextlib.suppress(NoAnswerError):
            status, ready = self.cluster.node("ingress-2").ask("GET", "/health/ready")
            figures["readiness"] = {"status": status, "says": ready}

    def tell_load(self):
        seen = self.load.seen
        self.figures |= {
            "rate": self.load.rate,
            "requests": seen.requests,
            "decided": seen.decided,
            "took_s": round(self.load.took_s, 1),
            "bookings": len(self.bookings),
            "answers_lost": len(seen.lost),
            "seats_sold_twice": check.seats_sold_twice(self.bookings),
        }
        self.problems += seen.lost + seen.unexpected
        if self.figures["seats_sold_twice"]:
            self.problems.append("a seat was sold twice")
        self.problems += check.promises_broken(self.bookings)
        for name, figures in self.figures["steps"].items():
            for node, statuses in figures["statuses"].items():
                # 503 with a reason was looked at where it came; so was what must not be.
                wrong = [status for status in statuses if status[0] == "5" and status != "503"]
                if wrong:
                    self.problems.append(f"{name}: {node} answered {', '.join(wrong)}")

    def compare(self, shows):
        say(f"comparing {len(self.bookings)} bookings")
        self.problems += check.everything_is_there(self.cluster, self.bookings)
        self.problems += check.nothing_else_is_there(self.cluster, shows, self.bookings)
        say("reconcile, verify and doctor")
        self.problems += check.operators_find_nothing(self.cluster)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("old", type=pathlib.Path, metavar="OLD_BINARY")
    arguments.add_argument("new", type=pathlib.Path, metavar="NEW_BINARY")
    arguments.add_argument("--rate", type=int, default=200, help="requests a second (200)")
    arguments.add_argument(
        "--mixed-s", type=int, default=15, help="seconds that an ingress node stays old (15)"
    )
    arguments.add_argument("--keep-logs", type=pathlib.Path, help="folder for the nodes' logs")
    given = arguments.parse_args()
    for binary in (given.old, given.new):
        if not binary.is_file():
            print(f"upgrade.py: {binary} is not a program", file=sys.stderr)
            return 3
    if given.rate < 1:
        print(f"upgrade.py: --rate {given.rate}: at least 1 is needed", file=sys.stderr)
        return 2
    # The cluster is taken down then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    say("starting a cluster of the old program")
    try:
        with Cluster(given.old.resolve(), given.new.resolve()) as cluster:
            drill = Drill(cluster, given.mixed_s)
            try:
                drill.run(given.rate)
            except FailedError as error:
                drill.problems.append(str(error))
                if hasattr(drill, "bookings"):
                    drill.problems += drill.load.seen.lost + drill.load.seen.unexpected
            if given.keep_logs:
                cluster.keep_logs(given.keep_logs)
    except (FailedError, subprocess.TimeoutExpired) as error:
        print(f"upgrade.py: {error}", file=sys.stderr)
        return 3
    print(json.dumps(drill.figures | {"problems": drill.problems}, indent=2))
    return 1 if drill.problems else 0


if __name__ == "__main__":
    sys.exit(main())
