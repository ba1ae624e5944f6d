"""What machine version 3 brings, asked of a node while one of the version before still runs."""

import contextlib
import uuid

from upgrading.cluster import NoAnswerError

ADULT, CHILD, STANDARD = 900, 450, 1_000
CODE_PERCENT = 10
# Answers that say nothing of whether it was done.
UNKNOWN = (202, 500, 503)


def money(amount):
    return {"amount": amount, "currency": "THB"}


def offer(zones, with_standard):
    """Types for the field; whether who names none may buy depends on `Standard`."""

    def ticket(name, amount):
        return {"name": name, "prices": [{"zone_id": zones[2], "price": money(amount)}]}

    types = [ticket("Adult", ADULT), ticket("Child", CHILD)]
    return {"ticket_types": types + ([ticket("Standard", STANDARD)] if with_standard else [])}


def sell_by_offer(cluster, ingress, shows):
    """Sets an offer, creates a code and sells an order with types on every show; what was wrong."""
    organizer, problems = cluster.organizer, []
    for number, show in enumerate(shows):
        path, zone = f"/shows/{show['id']}", show["zones"][2]
        wanted = offer(show["zones"], with_standard=number % 2 == 0)
        cluster.post(ingress, f"{path}/offer", organizer, wanted, method="PUT")
        code = f"UPGRADE-{uuid.uuid4().hex[:12]}"
        terms = {"code": code, "kind": "discount", "percent": CODE_PERCENT}
        cluster.post(ingress, f"{path}/codes", organizer, terms)
        buyer = cluster.token("buyer")
        basket = {
            "show_id": show["id"],
            "code": code,
            "items": [
                {"zone_id": zone, "quantity": 2, "ticket_type": "Adult"},
                {"zone_id": zone, "quantity": 1, "ticket_type": "Child"},
            ],
        }
        order = cluster.post(ingress, "/bookings/reserve", buyer, basket)
        right = (2 * ADULT + CHILD) * (100 - CODE_PERCENT) // 100
        total = order["total_price"]["amount"]
        if total != right:
            problems.append(f"{ingress}: an order of {show['id']} costs {total}, not {right}")
        paid = {"payment_reference": f"pay-{order['booking_id']}"}
        done = cluster.post(ingress, f"/bookings/{order['booking_id']}/confirm", buyer, paid)
        if done["status"] != "confirmed":
            problems.append(f"{ingress}: an order with types is {done['status']} when it is paid")
    return problems


def ask_old(cluster, old, new, shows):
    """Asks a node of the version before for places of shows that have an offer by now.

    Returns what it answered, what the new node says under the same key, and what was wrong. The
    old node knows no such outcome: it may say that (a program of machine version 2 does so with
    500, as deploy/README.md says), but never another one.
    """
    answers, problems = [], []
    for number, show in enumerate(shows):
        buyer, key = cluster.token("buyer"), str(uuid.uuid4())
        body = {"show_id": show["id"], "zone_id": show["zones"][2], "quantity": 1}
        first = told = None
        with contextlib.suppress(NoAnswerError):
            first = cluster.node(old).ask("POST", "/api/v1/bookings/reserve", buyer, body, key)
        node = cluster.node(new)

        def decided(node=node, buyer=buyer, body=body, key=key):
            nonlocal told
            with contextlib.suppress(NoAnswerError):
                told = node.ask("POST", "/api/v1/bookings/reserve", buyer, body, key)
                return told[0] not in (202, 503)
            return False

        cluster.wait(decided, f"{new} does not find what was asked of {old}")
        right = (201, None) if number % 2 == 0 else (409, "TYPE_NOT_OFFERED")
        answers.append({old: short(first), new: short(told)})
        if summary(told) != right:
            problems.append(f"{new} says {told} under the key of a request to {old}, not {right}")
        if first is None:
            problems.append(f"{old} did not answer for a show with an offer")
        elif first[0] not in UNKNOWN and summary(first) != right:
            problems.append(f"{old} says {first} of a show with an offer, not {right}")
    return answers, problems


def summary(answer):
    """(status, code of the error)"""
    status, body = answer
    error = body.get("error") if isinstance(body, dict) else None
    return status, error["code"] if error else None


def short(answer):
    return " ".join(str(part) for part in summary(answer) if part) if answer else "none"
