"""S11: unique idempotency keys, as many as go."""

import uuid

from .harness import general, in_parallel, post_head

NAME = "idempotency-keys"
SECONDS = (5, 170)
CONNECTIONS = 8
USERS = 3_000


def prepare(server):
    show, zones = server.open_show(general(1_000))
    return show, zones[0]["zone_id"], server.tokens(USERS)


def attack(attacker, given):
    show, zone, users = given
    # RefusedError by the log each time, and remembered under its key.
    body = f'{{"show_id":"{show}","zone_id":"{zone}","seats":["A-1"]}}'.encode()
    turns = [number for number in range(CONNECTIONS)]
    lines = [None] * CONNECTIONS

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
            if not connection.recv(65536):
                raise OSError("closed")
        except OSError:
            lines[number] = None

    in_parallel(attacker, CONNECTIONS, work)
