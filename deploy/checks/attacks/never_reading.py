"""Connections ask for the largest answers of a 250,000-seat show and never read them."""

from .harness import get

NAME = "never-reading"
SECONDS = (5, 150)
# A connection each so often.
EVERY_S = 0.05
PATHS = ("seats", "availability", "availability/stream")


def prepare(server):
    return server.large_show()[0]


def attack(attacker, show):
    turn = 0
    while attacker.is_on():
        connection = attacker.keep(attacker.connect(receive_bytes=4096))
        if connection:
            path = PATHS[turn % len(PATHS)]
            attacker.send(connection, get(f"/api/v1/shows/{show}/{path}"))
        turn += 1
        attacker.rest(EVERY_S)
