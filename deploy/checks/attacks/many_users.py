"""Many users of one address take what they can get of a small show."""

import json

from .harness import general, in_parallel, post_head

NAME = "many-users"
SECONDS = (4, 30)
USERS = 1_250
CONNECTIONS = 16
CAPACITY = 5_000


def prepare(server):
    show, zones = server.open_show(general(CAPACITY), tickets=4)
    return show, zones[0]["zone_id"], server.tokens(USERS)


def attack(attacker, given):
    show, zone, users = given
    body = json.dumps({"show_id": show, "zone_id": zone, "quantity": 4}).encode()
    turns = list(range(CONNECTIONS))

    def work(number):
        if turns[number] >= len(users):
            attacker.rest(0.2)
            return
        user = users[turns[number]]
        turns[number] += CONNECTIONS
        attacker.answer(post_head("/api/v1/bookings/reserve", len(body), user) + body)

    in_parallel(attacker, CONNECTIONS, work)
    # What one address got; with limits by address this is little, without them it is everything.
    zones = attacker.server.patient("GET", f"/api/v1/shows/{show}/zones", "", None)
    return [], {"held_by_one_address": zones[0]["held_seats"], "of": CAPACITY}
