#!/usr/bin/env python3
"""Measures what attacks cost a server, to compare binaries, and what answers tell by their time.

    deploy/checks/attacks/measure.py --binary FILE [--only NAME,...] [--shows N]
        [--fill SECONDS] [--keys N] [--guesses N] [--sessions N] [--set NAME=VALUE]...

    shows      20 anonymous lists of an event with N shows, at once
    receipts   20 receipts by 6 clients, of a booking behind SECONDS of `onsale load` at full speed
    keys       N refusals under unique idempotency keys, by 3,000 users
    guesses    N logins and N forgotten passwords of an account that there is, and as many of
               none, in turn: what each takes
    reuse      N sessions whose refresh token is used twice at once, and again after the grace:
               what each use gets, and what is left of the session

Rate limits are off, so that the work itself is measured; --set names more settings of
the server (ONSALE_..., as quotas). Processor time is that of the server. Prints a line of JSON for
each. Python's standard library only.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import socket
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from attacks import harness  # noqa: E402 (the folder above is put on the path first)

LISTS = 20
RECEIPTS = 20
RECEIPT_CLIENTS = 6
KEY_USERS = 3_000
WORKERS = 8
# Requests that are sent on one connection without waiting for answers.
PIPELINED = 100
# `accounts.refresh_grace_seconds`, as it is unless something else is set.
GRACE_SECONDS = 10


def cpu_s(server):
    fields = pathlib.Path(f"/proc/{server.child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_once(count, workers, work):
    """Runs work on the numbers below count in a number of threads; returns how often it failed."""
    numbers, lock, failed = iter(range(count)), threading.Lock(), []

    def loop():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                work(number)
            except (harness.RefusedError, OSError) as error:
                failed.append(str(error)[:200])

    threads = [threading.Thread(target=loop) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def measured(server, count, workers, work):
    begin_s, cpu_before_s, watch = time.monotonic(), cpu_s(server), harness.Watch(server)
    failed = at_once(count, workers, work)
    taken_s, cpu_taken_s = time.monotonic() - begin_s, cpu_s(server) - cpu_before_s
    watch.end()
    return {
        "asked": count,
        "failed": len(failed),
        "first_failure": failed[0] if failed else None,
        "seconds": round(taken_s, 2),
        "cpu_s": round(cpu_taken_s, 2),
        "cpu_ms_each": round(cpu_taken_s * 1000 / count, 2),
        "rss_before_mib": round(watch.rss_before_mib, 1),
        "rss_max_mib": round(watch.rss_max_mib, 1),
        "rss_after_mib": round(server.rss_mib(), 1),
    }


def pipelined(server, requests):
    """Statuses of requests that are sent at once on a connection of their own."""
    statuses = []
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        sender = threading.Thread(target=connection.sendall, args=(b"".join(requests),))
        sender.start()
        with connection.makefile("rb") as answers:
            for _ in requests:
                statuses.append(int(answers.readline().split()[1]))
                headers = http.client.parse_headers(answers)
                answers.read(int(headers["Content-Length"]))
        sender.join()
    return statuses


def shows(server, given):
    event = server.call(
        "POST",
        "/api/v1/events",
        server.organizer,
        {"name": "Long run", "starts_at": "2099-01-01T20:00:00Z"},
    )["event_id"]
    path = f"/api/v1/events/{event}/shows"
    body = {"starts_at": "2099-01-01T20:00:00Z", "zones": harness.general(100)}
    refused = at_once(
        given.shows, WORKERS, lambda _: server.call("POST", path, server.organizer, body)
    )
    result = {"shows": given.shows - len(refused), "refused": refused[:1]}
    return result | measured(server, LISTS, LISTS, lambda _: server.call("GET", path))


def receipts(server, given):
    show, zones = server.open_show(harness.general(1_000_000))
    body = {"show_id": show, "zone_id": zones[0]["zone_id"], "quantity": 1}
    filled = server.load("hot-zone", given.fill, "--show", show)
    last = server.call("POST", "/api/v1/bookings/reserve", server.tokens(1)[0], body)
    result = {"before_it": filled["statuses"]}
    path = last["receipt_url"]
    return result | measured(server, RECEIPTS, RECEIPT_CLIENTS, lambda _: server.call("GET", path))


def keys(server, given):
    show, zones = server.open_show(harness.general(1))
    body = {"show_id": show, "zone_id": zones[0]["zone_id"], "quantity": 1}
    users = server.tokens(KEY_USERS)
    # From now on the log refuses, and remembers that under the key.
    server.call("POST", "/api/v1/bookings/reserve", users[0], body)
    answers = collections.Counter()
    text = json.dumps(body)

    def request(number):
        return (
            "POST /api/v1/bookings/reserve HTTP/1.1\r\nHost: onsale\r\n"
            "Content-Type: application/json\r\n"
            f"Authorization: Bearer {users[number % len(users)]}\r\n"
            # As long as a key may be.
            f"Idempotency-Key: {str(uuid.uuid4()).ljust(255, 'x')}\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}"
        ).encode()

    def work(number):
        numbers = range(number * PIPELINED, (number + 1) * PIPELINED)
        answers.update(pipelined(server, [request(number) for number in numbers]))

    figures = measured(server, given.keys // PIPELINED, WORKERS, work)
    figures["asked"] = given.keys
    figures["cpu_ms_each"] = round(figures["cpu_s"] * 1000 / given.keys, 3)
    grown = (figures["rss_after_mib"] - figures["rss_before_mib"]) * (1 << 20)
    return figures | {"answers": answers, "bytes_per_key": round(grown / given.keys)}


def guesses(server, given):
    account = {"email": "known@example.test", "password": "a long and winding road"}
    server.call("POST", "/api/v1/auth/register", "", account)
    taken_ms, answers = collections.defaultdict(list), collections.defaultdict(set)

    def ask(what, path, body):
        begin = time.monotonic()
        try:
            answer = server.call("POST", f"/api/v1/auth/{path}", "", body)
        except harness.RefusedError as refused:
            answer = json.loads(refused.body)
            # It differs from answer to answer.
            answer.pop("meta", None)
        taken_ms[what].append((time.monotonic() - begin) * 1000)
        answers[path].add(json.dumps(answer, sort_keys=True))

    for number in range(given.guesses):
        unknown = f"unknown{number}@example.test"
        login = {"password": f"guess number {number}"}
        # In either order: whatever follows a slow call finds the processor's caches cold.
        both = [("known", account["email"]), ("unknown", unknown)]
        for who, email in both if number % 2 == 0 else reversed(both):
            ask(f"login, {who}", "login", login | {"email": email})
        for who, email in both if number % 4 < 2 else reversed(both):
            ask(f"forgotten, {who}", "forgot-password", {"email": email})
    return {
        "different_answers": {path: len(found) for path, found in answers.items()},
        "ms": {
            what: {
                str(share): round(harness.quantile(values, share), 2) for share in (0.1, 0.5, 0.9)
            }
            for what, values in taken_ms.items()
        },
    }


def reuse(server, given):
    account = {"email": "reused@example.test", "password": "a long and winding road"}
    server.call("POST", "/api/v1/auth/register", "", account)
    stolen = [
        server.call("POST", "/api/v1/auth/login", "", account)["refresh_token"]
        for _ in range(given.sessions)
    ]
    answers, newest = collections.defaultdict(collections.Counter), collections.defaultdict(list)

    def refresh(when, session, token):
        try:
            data = server.call("POST", "/api/v1/auth/refresh", "", {"refresh_token": token})
            newest[session].append(data["refresh_token"])
            answers[when][200] += 1
        except harness.RefusedError as refused:
            answers[when][refused.status] += 1

    # Two tabs, or a thief who is as fast as its owner.
    twice = [(session, token) for session, token in enumerate(stolen) for _ in range(2)]
    at_once(len(twice), WORKERS, lambda at: refresh("at once", *twice[at]))
    time.sleep(GRACE_SECONDS + 1)
    begin = time.monotonic()
    at_once(given.sessions, WORKERS, lambda at: refresh("after the grace", at, stolen[at]))
    taken_s = time.monotonic() - begin
    for session, tokens in list(newest.items()):
        refresh("what the family had last", session, tokens[-1])
    return {
        "sessions": given.sessions,
        "answers": {when: dict(found) for when, found in answers.items()},
        "ms_to_end_a_family": round(taken_s * 1000 * WORKERS / given.sessions, 2),
    }


MEASUREMENTS = {
    "shows": shows,
    "receipts": receipts,
    "keys": keys,
    "guesses": guesses,
    "reuse": reuse,
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--only", default=",".join(MEASUREMENTS))
    arguments.add_argument("--shows", type=int, default=5_350)
    arguments.add_argument("--fill", type=int, default=45, metavar="SECONDS")
    arguments.add_argument("--keys", type=int, default=100_000)
    arguments.add_argument("--guesses", type=int, default=200)
    arguments.add_argument("--sessions", type=int, default=200)
    arguments.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = arguments.parse_args()
    settings = {"ONSALE_RATE_LIMIT__ENABLED": "false"}
    settings |= dict(setting.split("=", 1) for setting in given.set)
    binary = str(pathlib.Path(given.binary).resolve())
    for name in given.only.split(","):
        with harness.Server(binary, settings=settings) as server:
            print(json.dumps({"what": name} | MEASUREMENTS[name](server, given)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
