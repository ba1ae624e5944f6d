"""Buyers send 7 MB of JSON with a huge key to a call that they may not make."""

from .harness import in_parallel, post_head

NAME = "huge-keys"
SECONDS = (5, 60)
CONNECTIONS = 24
KEY_BYTES = 7_000_000
# An answer mentions a client's text without repeating it.
ANSWER_MAX_BYTES = 16_384


def prepare(server):
    show = server.open_show(
        [
            {
                "name": "Floor",
                "price": {"amount": 1, "currency": "THB"},
                "admission": "general",
                "capacity": 10,
            }
        ]
    )[0]
    event = server.patient("GET", f"/api/v1/shows/{show}", server.organizer, None)["event_id"]
    return event, server.tokens(CONNECTIONS)


def attack(attacker, given):
    event, users = given
    body = b'{"' + b"k" * KEY_BYTES + b'":1}'
    largest = [0]

    def work(number):
        connection = attacker.connect(timeout_s=10)
        if connection is None:
            return
        with connection:
            head = post_head(f"/api/v1/events/{event}/shows", len(body), users[number])
            attacker.send(connection, head + body)
            received = 0
            while received <= ANSWER_MAX_BYTES:
                part = connection.recv(65536)
                if not part:
                    break
                received += len(part)
                largest[0] = max(largest[0], received)
                if b"\r\n\r\n" in part and received < 4096:
                    break

    in_parallel(attacker, CONNECTIONS, work)
    if largest[0] > ANSWER_MAX_BYTES:
        return [f"an answer of more than {ANSWER_MAX_BYTES} bytes to a huge key"]
    return []
