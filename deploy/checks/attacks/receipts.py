"""S8: receipts of a late booking, again and again."""

from .harness import general, get, in_parallel

NAME = "receipts"
SECONDS = (5, 60)
CLIENTS = 6
# Bookings before the one that is asked for.
BEFORE = (300, 20_000)


def prepare(server, is_long=False):
    show, zones = server.open_show(general(1_000_000))
    body = {"show_id": show, "zone_id": zones[0]["zone_id"], "quantity": 1}
    booking = None
    for user in server.tokens(BEFORE[is_long]):
        try:
            booking = server.call("POST", "/api/v1/bookings/reserve", user, body)["booking_id"]
        except Exception:  # noqa: BLE001 (a limit of the address is a defence too)
            break
    return booking


def attack(attacker, booking):
    def work(_number):
        attacker.answer(get(f"/api/v1/bookings/{booking}/receipt"))

    in_parallel(attacker, CLIENTS, work)
