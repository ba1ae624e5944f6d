"""Compares the answers that buyers got with what the cluster says afterwards."""

import concurrent.futures
import contextlib
import json
from collections import Counter, defaultdict

from upgrading.buyers import TICKETS_PER_USER_MAX
from upgrading.cluster import INGRESSES, PARTITIONS, FailedError, NoAnswerError

READERS = 8
PROBLEMS_MAX = 20


def seats_sold_twice(bookings):
    """Seats that two bookings have, which nobody gave back."""
    owners = Counter()
    for booking in bookings:
        if booking["status"] != "cancelled":
            owners.update((booking["show"], seat) for seat in booking["seats"])
    return sum(count - 1 for count in owners.values() if count > 1)


def promises_broken(bookings):
    """Positions of two bookings, and accounts with more tickets than the event allows."""
    problems = []
    positions = Counter((booking["show"], booking["offset"]) for booking in bookings)
    problems += [f"two bookings at {at}" for at, count in positions.items() if count > 1]
    tickets = Counter()
    for booking in bookings:
        if booking["status"] != "cancelled":
            tickets[booking["show"], booking["token"]] += booking["quantity"]
    problems += [
        f"an account has {count} tickets of a show, with a limit of {TICKETS_PER_USER_MAX}"
        for count in tickets.values()
        if count > TICKETS_PER_USER_MAX
    ]
    return problems


def everything_is_there(cluster, bookings):
    """Every booking is what its buyer was told; what was wrong."""
    chunks = [bookings[start::READERS] for start in range(READERS)]
    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        found = pool.map(lambda chunk: _read(cluster, chunk), chunks)
        return [problem for problems in found for problem in problems]


def _read(cluster, bookings):
    nodes, problems = [cluster.node(name) for name in INGRESSES], []
    for number, booking in enumerate(bookings):
        node, got = nodes[number % len(nodes)], None

        def right(node=node, booking=booking):
            nonlocal got
            with contextlib.suppress(NoAnswerError):
                path = f"/api/v1/bookings/{booking['id']}"
                got = node.ask("GET", path, booking["token"])
                data = got[1].get("data") if isinstance(got[1], dict) else None
                return bool(data) and all(
                    data[what] == booking[what] for what in ("status", "quantity")
                )
            return False

        try:
            # What the log has decided shows a moment later.
            cluster.wait(right, f"{booking['id']}, told as {booking['status']}")
        except FailedError as error:
            problems.append(f"{node.name}: {error}: {got}")
            if len(problems) >= PROBLEMS_MAX:
                break
    return problems


def nothing_else_is_there(cluster, shows, bookings):
    """Places held and sold are those of the bookings, at every ingress node; what was wrong."""
    places, problems = defaultdict(Counter), []
    for booking in bookings:
        places[booking["show"], booking["zone"]][booking["status"]] += booking["quantity"]
    for name in INGRESSES:
        node = cluster.node(name)
        for number in range(PARTITIONS):
            seen = None

            def same(node=node, number=number):
                nonlocal seen
                with contextlib.suppress(NoAnswerError):
                    status, answer = node.ask("GET", f"/api/v1/shows/{shows[number]['id']}/zones")
                    if status != 200:
                        seen = (status, answer)
                        return False
                    seen = {
                        zone["zone_id"]: (zone["held_seats"], zone["sold_seats"])
                        for zone in answer["data"]
                    }
                    return all(
                        counts
                        == (places[number, zone]["reserved"], places[number, zone]["confirmed"])
                        for zone, counts in seen.items()
                    )
                return False

            try:
                cluster.wait(same, f"show {number}")
            except FailedError as error:
                known = {zone: dict(count) for (of, zone), count in places.items() if of == number}
                problems.append(f"{name}: {error}: it says {seen}, buyers know {known}")
    return problems


def operators_find_nothing(cluster):
    """What reconcile, verify and doctor of the new program say that is wrong."""
    problems, report = [], cluster.folder / "report.json"

    def compared():
        return cluster.script(
            cluster.new, "onsale", "reconcile", "--report", str(report), check=False
        )

    said = None

    def same():
        nonlocal said
        code, said = compared()
        return code == 0

    try:
        # It also says so where the projection is a moment behind.
        cluster.wait(same, lambda: f"reconcile --report: {said[-2000:]}")
    except FailedError as error:
        problems.append(str(error))
    for verb in ("verify", "doctor"):
        code, text = cluster.script(cluster.new, "onsale", verb, check=False)
        if code != 0:
            problems.append(f"{verb}: exit {code}: {text[-3000:]}")
    return problems


def machine_versions(cluster, binary):
    """Of each partition, as the barriers of its log say."""
    versions = []
    for partition in range(PARTITIONS):
        _, text = cluster.script(
            binary, "onsale", "replay", "--partition", str(partition), "--json"
        )
        version = 1
        for line in text.splitlines():
            outcome = json.loads(line).get("outcome") if line.startswith("{") else None
            if outcome and outcome["kind"] == "barrier_passed":
                version = max(version, outcome["machine_version"])
        versions.append(version)
    return versions
