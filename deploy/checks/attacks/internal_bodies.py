"""Requests without a token to calls that take large bodies: 8 MB are begun and withheld.

`/internal` exists only on nodes of a cluster; here the same reports go to an admin's call.
"""

from .harness import post_head

NAME = "internal-bodies"
SECONDS = (5, 60)
CONNECTIONS = 100
BODY_BYTES = 8 << 20
PATHS = (
    "/api/v1/admin/reconcile/apply",
    "/internal/reconcile/apply",
    "/api/v1/events/00000000-0000-4000-8000-000000000001/shows",
    "/internal/snapshots",
)


def prepare(_server):
    return None


def attack(attacker, _):
    part = b"x" * (BODY_BYTES - 1024)
    for number in range(CONNECTIONS):
        if not attacker.is_on():
            break
        connection = attacker.keep(attacker.connect(timeout_s=0.5))
        if connection:
            attacker.send(connection, post_head(PATHS[number % len(PATHS)], BODY_BYTES))
            attacker.send(connection, part)
    attacker.rest(attacker.seconds)
