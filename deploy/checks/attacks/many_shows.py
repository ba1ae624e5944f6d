"""An event with thousands of shows, and anonymous readers of their list."""

from .harness import RefusedError, general, get, in_parallel

NAME = "many-shows"
SECONDS = (5, 60)
SHOWS = (300, 5_350)
READERS = 20


def prepare(server, is_long=False):
    """As many shows as the server lets one organizer have; its limits are part of the defence."""
    event = server.patient(
        "POST",
        "/api/v1/events",
        server.organizer,
        {"name": "Long run", "starts_at": "2099-01-01T20:00:00Z"},
    )["event_id"]
    # Admins and organizers are limited like everyone, so each show comes from its own account.
    tenant_admins = server.tokens(60, "admin")
    made = 0
    for number in range(SHOWS[is_long]):
        token = tenant_admins[number % len(tenant_admins)]
        try:
            server.call(
                "POST",
                f"/api/v1/events/{event}/shows",
                token,
                {"starts_at": "2099-01-01T20:00:00Z", "zones": general(100)},
            )
            made += 1
        except RefusedError as refused:
            if refused.status != 429:
                break
    return event, made


def attack(attacker, given):
    event, _ = given
    attacker.is_spread = True

    def work(_number):
        connection = attacker.connect(timeout_s=10)
        if connection is None:
            return
        with connection:
            attacker.send(connection, get(f"/api/v1/events/{event}/shows"))
            connection.recv(65536)

    in_parallel(attacker, READERS, work)
