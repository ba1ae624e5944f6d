"""Buyers who reserve, confirm and cancel at both ingress nodes, and remember every answer.

They go to the nodes that said a moment ago that they are ready, as a load balancer sends them.
"""

import itertools
import random
import threading
import time
import uuid
from collections import Counter

from upgrading.cluster import INGRESSES, PARTITIONS, PATIENCE_S, NoAnswerError

ROWS, SEATS_PER_ROW = 40, 25
TICKETS_PER_USER_MAX = 6
# Before a request without a final answer is sent again.
PAUSE_S = 0.02
BUYERS = 48
EVENTS_MAX = 64
# How often the load balancer asks whether a node is ready.
LOOK_EVERY_S = 0.2
# Refusals that the load means to meet.
REFUSALS = ("SEAT_UNAVAILABLE", "INSUFFICIENT_STOCK", "MAX_PER_USER_EXCEEDED")
# Answers of each partition that count as progress.
PROGRESS = 40
UNEXPECTED_MAX = 20
FINAL = {"confirm": "confirmed", "cancel": "cancelled"}
PRICE = {"amount": 100_000, "currency": "THB"}


def open_shows(cluster, ingress):
    """A show on each partition, in order of partition: id and zones."""
    scout = cluster.token("buyer")
    shows = [None] * PARTITIONS
    for _ in range(EVENTS_MAX):
        show = open_show(cluster, ingress)
        booking = cluster.post(
            ingress,
            "/bookings/reserve",
            scout,
            {"show_id": show["show_id"], "zone_id": show["zones"][2]["zone_id"], "quantity": 1},
        )
        cluster.post(ingress, f"/bookings/{booking['booking_id']}/cancel", scout, {})
        shows[booking["position"]["partition"]] = {
            "id": show["show_id"],
            "zones": [zone["zone_id"] for zone in show["zones"]],
        }
        if all(shows):
            return shows
    raise SystemExit(f"{EVENTS_MAX} events, and a partition has none")


def open_show(cluster, ingress):
    event = cluster.post(
        ingress,
        "/events",
        cluster.organizer,
        {
            "name": "Upgraded",
            "starts_at": "2099-01-01T20:00:00Z",
            "max_tickets_per_user": TICKETS_PER_USER_MAX,
        },
    )
    rows = [{"name": f"R{row}", "seats": SEATS_PER_ROW} for row in range(ROWS)]
    general = [("Floor", 2_000), ("Field", 1_000_000)]
    zones = [{"name": "Seats", "price": PRICE, "admission": "seated", "rows": rows}] + [
        {"name": name, "price": PRICE, "admission": "general", "capacity": capacity}
        for name, capacity in general
    ]
    return cluster.post(
        ingress,
        f"/events/{event['event_id']}/shows",
        cluster.organizer,
        {"starts_at": "2099-01-01T20:00:00Z", "hold_seconds": 7_200, "zones": zones},
    )


class Seen:
    """What all buyers have in common: what was answered, when and by whom."""

    def __init__(self):
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.ready = set(INGRESSES)
        self.requests = self.decided = 0
        self.unexpected, self.lost = [], []
        self.begin_step()

    def begin_step(self):
        """Forgets what was measured in the step before."""
        with self.lock:
            now = time.monotonic()
            self.last = [now] * PARTITIONS
            self.gaps = [0.0] * PARTITIONS
            self.answers = [0] * PARTITIONS
            self.longest_s = 0.0
            self.statuses = {name: Counter() for name in INGRESSES}

    def sent(self, node, status):
        with self.lock:
            self.requests += 1
            self.statuses[node][str(status)] += 1

    def was_decided(self, began):
        with self.lock:
            self.decided += 1
            self.longest_s = max(self.longest_s, time.monotonic() - began)

    def answered(self, partition):
        with self.lock:
            now = time.monotonic()
            self.gaps[partition] = max(self.gaps[partition], now - self.last[partition])
            self.last[partition] = now
            self.answers[partition] += 1

    def note(self, what):
        with self.lock:
            if len(self.unexpected) < UNEXPECTED_MAX:
                self.unexpected.append(what)

    def has_progress(self, since):
        with self.lock:
            return all(
                now - before >= PROGRESS for now, before in zip(self.answers, since, strict=True)
            )

    def figures(self):
        """Of the step so far."""
        with self.lock:
            now = time.monotonic()
            open_gaps = [now - last for last in self.last]
            return {
                "longest_without_answer_s": round(max(self.gaps + open_gaps), 3),
                "longest_request_s": round(self.longest_s, 3),
                "answers": sum(self.answers),
                "statuses": {name: dict(found) for name, found in self.statuses.items()},
            }


class Load:
    """Sends so many requests a second until it is stopped."""

    def __init__(self, cluster, shows, rate):
        self.cluster, self.shows, self.rate = cluster, shows, rate
        self.seen = Seen()
        self.due = itertools.count()
        self.began = time.monotonic()
        self.buyers = [Buyer(self, number) for number in range(BUYERS)]
        self.threads = [threading.Thread(target=buyer.run, daemon=True) for buyer in self.buyers]
        self.threads += [
            threading.Thread(target=self.look, args=[name], daemon=True) for name in INGRESSES
        ]
        for thread in self.threads:
            thread.start()

    def look(self, name):
        """Asks a node whether it is ready, as a load balancer does."""
        node = self.cluster.node(name)
        while not self.seen.stop.wait(LOOK_EVERY_S):
            try:
                is_ready = node.ask("GET", "/health/ready")[0] == 200
            except NoAnswerError:
                is_ready = False
            with self.seen.lock:
                (self.seen.ready.add if is_ready else self.seen.ready.discard)(name)

    def progress(self):
        """Waits until every partition has answered some more."""
        with self.seen.lock:
            since = list(self.seen.answers)
        self.cluster.wait(
            lambda: self.seen.has_progress(since),
            lambda: f"no progress on every partition: {self.seen.figures()} {self.seen.unexpected}",
        )

    def end(self):
        """Waits until every request has its answer; returns all bookings, with their tokens."""
        self.took_s = time.monotonic() - self.began
        self.seen.stop.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE_S)
            if thread.is_alive():
                self.seen.note("a buyer does not come back")
        return [booking for buyer in self.buyers for booking in buyer.bookings.values()]


class Buyer:
    """One buyer with one account at a time."""

    def __init__(self, load, number):
        self.load, self.number = load, number
        self.nodes = [load.cluster.node(name) for name in INGRESSES]
        self.random = random.SystemRandom()
        self.token = load.cluster.token("buyer")
        # The account's bookings that are held.
        self.held = []
        self.bookings = {}

    def run(self):
        while not self.load.seen.stop.is_set():
            due = self.load.began + next(self.load.due) / self.load.rate
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                pick = self.random.randrange(20)
                if pick < 10 or not self.held:
                    self.reserve()
                else:
                    self.finish("confirm" if pick < 14 else "cancel")
            except Exception as error:  # Whatever it is, it must be in the report.
                self.load.seen.note(f"buyer {self.number}: {error!r}")
                return

    def post(self, path, body):
        """Sends with one key to one node or the other until there is a final answer."""
        seen, key, began = self.load.seen, str(uuid.uuid4()), time.monotonic()
        at = self.random.randrange(len(self.nodes))
        while True:
            # Where none is ready, whichever it is has to say so.
            with seen.lock:
                ready = [node for node in self.nodes if node.name in seen.ready] or self.nodes
            node = ready[at % len(ready)]
            try:
                status, answer = node.ask("POST", f"/api/v1{path}", self.token, body, key)
            except NoAnswerError as error:
                status, answer = "none", str(error)
            seen.sent(node.name, status)
            if status not in ("none", 202, 503):
                seen.was_decided(began)
                return status, answer
            if status == 503 and not is_clear(answer):
                seen.note(f"{node.name}: 503 without a reason: {answer}")
            if time.monotonic() - began > PATIENCE_S:
                with seen.lock:
                    seen.lost.append(f"{path} {key}: last {status} {answer}")
                return None, None
            at += 1
            time.sleep(PAUSE_S)

    def reserve(self):
        number = self.random.randrange(PARTITIONS)
        show = self.load.shows[number]
        body = {"show_id": show["id"], "quantity": self.random.randrange(1, 3)}
        pick = self.random.randrange(10)
        if pick < 4:
            row, seat = self.random.randrange(ROWS), self.random.randrange(1, SEATS_PER_ROW)
            body = {"show_id": show["id"], "seats": [f"R{row}-{seat}", f"R{row}-{seat + 1}"]}
        else:
            body["zone_id"] = show["zones"][1 if pick < 6 else 2]
        status, answer = self.post("/bookings/reserve", body)
        if status is None:
            return
        if status != 201:
            code = answer["error"]["code"] if isinstance(answer, dict) else "?"
            if code not in REFUSALS:
                self.load.seen.note(f"reserve: {status} {answer}")
            if code == "MAX_PER_USER_EXCEEDED":
                # What this account still holds stays held.
                self.token, self.held = self.load.cluster.token("buyer"), []
            return
        data = answer["data"]
        self.load.seen.answered(number)
        booking = {
            "id": data["booking_id"],
            "token": self.token,
            "show": number,
            "zone": data["zone_id"],
            "seats": data["seats"],
            "quantity": data["quantity"],
            "status": "reserved",
            "offset": data["position"]["offset"],
        }
        if booking["id"] in self.bookings:
            self.load.seen.note(f"{booking['id']} was the answer to two requests")
        self.bookings[booking["id"]] = booking
        self.held.append(booking)

    def finish(self, how):
        booking = self.held.pop(self.random.randrange(len(self.held)))
        body = {"payment_reference": f"pay-{booking['id']}"} if how == "confirm" else {}
        status, answer = self.post(f"/bookings/{booking['id']}/{how}", body)
        if status is None:
            booking["status"] = "unknown"
            return
        if status != 200:
            booking["status"] = "unknown"
            self.load.seen.note(f"{how}: {status} {answer}")
            return
        booking["status"] = FINAL[how]
        self.load.seen.answered(booking["show"])


def is_clear(answer):
    """A refusal that names itself and says what to do, as every error of the API does."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return bool(error and error.get("code") and error.get("message"))
