"""Ten thousand people a minute sign in with wrong passwords, from everywhere, before a sale."""

import collections
import json
import re
import threading
import time

from .harness import in_parallel, post_head

NAME = "login-storm"
SECONDS = (5, 60)
# What the storm costs the buyers shows beside what they wait without it.
QUIET_SECONDS = (3, 60)
# What a password costs in production; `dev` takes less.
SERVER_SETTINGS = {"ONSALE_ACCOUNTS__BCRYPT_COST": "12"}
PER_SECOND = 10_000 / 60
CONNECTIONS = 64
ACCOUNT = {"email": "stormed@example.test", "password": "a long and winding road"}
# How long someone waits for an answer, which those in the queue for the threads of passwords do.
PATIENCE_S = 5
GAVE_UP = 0
# Wrong; too often from there or for that account; more than the queue takes on.
EXPECTED = {401, 429, 503, GAVE_UP}


def prepare(server):
    server.call("POST", "/api/v1/auth/register", "", ACCOUNT, address="127.88.1.1")


def attack(attacker, _):
    attacker.is_spread = True
    lock, begin = threading.Lock(), time.monotonic()
    sent, statuses, wrong = [0], collections.Counter(), set()

    def work(_number):
        with lock:
            turn = sent[0]
            sent[0] += 1
        # From its intended start: an attacker does not wait for answers.
        attacker.rest(begin + turn / PER_SECOND - time.monotonic())
        if not attacker.is_on():
            return
        known = turn % 2 == 0
        email = ACCOUNT["email"] if known else f"nobody{turn}@example.test"
        body = json.dumps({"email": email, "password": f"guess number {turn}"}).encode()
        head = post_head("/api/v1/auth/login", len(body))
        answer = attacker.answer(head + body, timeout_s=PATIENCE_S).decode(errors="replace")
        status = int(answer.split(" ", 2)[1]) if answer.startswith("HTTP/") else GAVE_UP
        has_retry = re.search(r"(?im)^retry-after: \d+", answer) is not None
        with lock:
            statuses[status] += 1
            if status not in EXPECTED:
                wrong.add(f"a login is answered by {status}")
            elif status in (429, 503) and not has_retry:
                wrong.add(f"{status} without Retry-After")

    in_parallel(attacker, CONNECTIONS, work)
    if not statuses[401]:
        wrong.add("no password was looked at")
    return sorted(wrong), {"answers": dict(sorted(statuses.items()))}
