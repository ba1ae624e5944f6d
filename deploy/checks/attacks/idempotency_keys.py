"""As many unique idempotency keys as possible."""

import uuid
from collections import Counter

from .harness import general, in_parallel, post_head

NAME = "idempotency-keys"
SECONDS = (5, 170)
CONNECTIONS = 8
USERS = 3_000


def prepare(server):
    """A show that is sold out."""
    show, zones = server.open_show(general(1))
    zone = zones[0]["zone_id"]
    users = server.tokens(USERS)
    last = {"show_id": show, "zone_id": zone, "quantity": 1}
    server.patient("POST", "/api/v1/bookings/reserve", users[0], last)
    return show, zone, users


def attack(attacker, given):
    show, zone, users = given
    # Refused by the log each time, and remembered under its key.
    body = f'{{"show_id":"{show}","zone_id":"{zone}","quantity":1}}'.encode()
    turns = [number for number in range(CONNECTIONS)]
    lines = [None] * CONNECTIONS
    statuses = Counter()

    def work(number):
        if lines[number] is None:
            lines[number] = attacker.keep(attacker.connect(timeout_s=5))
        connection = lines[number]
        if connection is None:
            return
        user = users[turns[number] % len(users)]
        turns[number] += CONNECTIONS
        head = post_head("/api/v1/bookings/reserve", len(body), user).decode().rstrip("\r\n")
        head += f"\r\nIdempotency-Key: {uuid.uuid4()}\r\n\r\n"
        try:
            connection.sendall(head.encode() + body)
            answer = connection.recv(65536)
            if not answer:
                raise OSError("closed")
            statuses[answer[9:12].decode(errors="replace")] += 1
        except OSError:
            lines[number] = None

    in_parallel(attacker, CONNECTIONS, work)
    # 409 comes from the log, 429 from a limit.
    wrong = [] if statuses["409"] else [f"no key was remembered: {dict(statuses)}"]
    return wrong, {"answers": dict(statuses)}
