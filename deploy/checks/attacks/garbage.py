"""Malformed HTTP, or no HTTP at all; each is answered and the server continues."""

import os
import re

NAME = "garbage"
SECONDS = (4, 30)
PATH = b"/api/v1/events"
HOST = b"Host: localhost\r\n"

# What is sent, and the accepted statuses; an empty answer is not one of them.
FORMS = (
    (
        "101 headers",
        b"GET "
        + PATH
        + b" HTTP/1.1\r\n"
        + HOST
        + b"".join(b"X-%d: 1\r\n" % n for n in range(101))
        + b"\r\n",
        (200, 400, 431),
    ),
    (
        "a header of 300 kB",
        b"GET " + PATH + b" HTTP/1.1\r\n" + HOST + b"X-Long: " + b"x" * 300_000 + b"\r\n\r\n",
        (400, 431),
    ),
    (
        "two Content-Lengths",
        b"POST "
        + PATH
        + b" HTTP/1.1\r\n"
        + HOST
        + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        (400,),
    ),
    ("a bad method", b"GE T " + PATH + b" HTTP/1.1\r\n" + HOST + b"\r\n", (400,)),
    ("no Host", b"GET " + PATH + b" HTTP/1.1\r\n\r\n", (400,)),
    ("two Hosts", b"GET " + PATH + b" HTTP/1.1\r\n" + HOST + HOST + b"\r\n", (400,)),
)
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


def prepare(_server):
    return None


def attack(attacker, _):
    wrong = []
    for name, data, right in FORMS:
        answer = attacker.answer(data)
        status = STATUS.match(answer)
        if not status or int(status.group(1)) not in right:
            answered = status.group(1).decode() if status else "closed without an answer"
            wrong.append(f"{name}: {answered}, not one of {right}")
    while attacker.is_on():
        attacker.answer(os.urandom(2_000), timeout_s=0.2)
    return wrong
