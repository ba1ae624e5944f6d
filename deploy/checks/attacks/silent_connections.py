"""More connections than the server has descriptors, all silent, renewed before they time out.

Sales go on meanwhile, fast enough that the log needs new segments, which are files.
"""

import threading

from .harness import general

NAME = "silent-connections"
SECONDS = (8, 60)
# Of the server; soft and hard.
DESCRIPTORS = 256
SERVER_SETTINGS = {"ONSALE_LOG__SEGMENT_SIZE_MIB": "4"}
CONNECTIONS = 400
RENEWED_EVERY_S = 4
SELLERS = 3
USERS = 3_000


def prepare(server):
    show, zones = server.open_show(general(1_000_000))
    return show, zones[0]["zone_id"], server.tokens(USERS)


def sell(attacker, given, number):
    """Reserves on one connection as fast as possible, on behalf of many users."""
    show, zone, users = given
    body = f'{{"show_id":"{show}","zone_id":"{zone}","quantity":1}}'
    connection, turn = None, number
    while attacker.is_on():
        if connection is None:
            connection = attacker.connect(timeout_s=2)
            if connection is None:
                continue
        turn += SELLERS
        head = (
            "POST /api/v1/bookings/reserve HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: Bearer {users[turn % len(users)]}\r\n\r\n"
        )
        try:
            connection.sendall((head + body).encode())
            if not connection.recv(65536):
                raise OSError("closed")
        except OSError:
            connection.close()
            connection = None


def attack(attacker, given):
    sellers = [
        threading.Thread(target=sell, args=(attacker, given, number), daemon=True)
        for number in range(SELLERS)
    ]
    for seller in sellers:
        seller.start()
    attacker.rest(0.5)
    while attacker.is_on():
        for _ in range(CONNECTIONS):
            if not attacker.is_on():
                break
            attacker.keep(attacker.connect(timeout_s=0.2))
        attacker.rest(RENEWED_EVERY_S)
        attacker.close()
    for seller in sellers:
        seller.join(10)
