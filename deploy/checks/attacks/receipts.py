"""Receipts of a late booking, again and again."""

from .harness import general, get, in_parallel

NAME = "receipts"
SECONDS = (5, 60)
CLIENTS = 6
# Bookings before the one whose receipt is requested.
BEFORE = (300, 20_000)


def prepare(server, is_long=False):
    show, zones = server.open_show(general(1_000_000))
    body = {"show_id": show, "zone_id": zones[0]["zone_id"], "quantity": 1}
    booking = None
    for user in server.tokens(BEFORE[is_long]):
        try:
            booking = server.call("POST", "/api/v1/bookings/reserve", user, body)
        except Exception:  # noqa: BLE001 (a limit of the address is a defence too)
            break
    return booking.get("receipt_url") or f"/api/v1/bookings/{booking['booking_id']}/receipt"


def attack(attacker, link):
    attacker.is_spread = True

    def work(_number):
        attacker.answer(get(link))

    in_parallel(attacker, CLIENTS, work)
