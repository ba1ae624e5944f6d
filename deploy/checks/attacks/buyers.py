"""Well-behaved buyers, whom the server has to serve meanwhile."""

import math
import multiprocessing
import threading
import time
import uuid

from .server import TURNED_AWAY, RefusedError, general

# The well-behaved client: requests per second, and the time within which each has its answer.
STEADY_RATE = 20
STEADY_WORKERS = 4
STEADY_TIMEOUT_S = 20


class Steady:
    """Buyers who reserve one place after the other, each with a key, and retry when unsure.

    They run in a separate process: threads of one interpreter take turns, and an attack that keeps
    it busy would be measured as a slow server.
    """

    def __init__(self, server):
        self.server = server
        self.show, zones = server.open_show(general(100_000))
        self.zone = zones[0]["zone_id"]
        # The default limits allow each user one reservation in three seconds.
        self.users = server.tokens(STEADY_RATE * 6)
        # Each with the time at which it was due.
        self.latencies_ms, self.granted, self.turned_away, self.lost = [], [], 0, []
        fork = multiprocessing.get_context("fork")
        self.stop = fork.Event()
        self.results, results = fork.Pipe(duplex=False)
        self.process = fork.Process(target=self.reserve_until_stopped, args=(results,), daemon=True)

    def start(self):
        self.process.start()

    def end(self):
        self.stop.set()
        if not self.results.poll(STEADY_TIMEOUT_S * 3):
            self.process.kill()
            raise SystemExit("the buyers' process does not end")
        self.latencies_ms, self.granted, self.turned_away, self.lost = self.results.recv()
        self.process.join()

    def reserve_until_stopped(self, results):
        """What the buyers' process does."""
        self.lock = threading.Lock()
        workers = [
            threading.Thread(target=self.work, args=(n,), daemon=True)
            for n in range(STEADY_WORKERS)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        results.send((self.latencies_ms, self.granted, self.turned_away, self.lost))

    def work(self, number):
        every_s = STEADY_WORKERS / STEADY_RATE
        due = time.monotonic() + every_s * number / STEADY_WORKERS
        turn = number
        while not self.stop.is_set():
            pause = due - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            # From its intended start: a stall is charged with everything it delays.
            self.reserve(turn % len(self.users), due)
            turn += STEADY_WORKERS
            due += every_s

    def reserve(self, number, due):
        # Each in a different network, so that limits by network do not affect them.
        user, address = self.users[number], f"127.{1 + number % 60}.{number // 60}.7"
        key = str(uuid.uuid4())
        body = {"show_id": self.show, "zone_id": self.zone, "quantity": 1}
        end = time.monotonic() + STEADY_TIMEOUT_S
        why = "no answer in time"
        while time.monotonic() < end:
            try:
                data = self.server.call(
                    "POST",
                    "/api/v1/bookings/reserve",
                    user,
                    body,
                    headers={"Idempotency-Key": key},
                    address=address,
                    timeout_s=STEADY_TIMEOUT_S,
                )
            except RefusedError as refused:
                if refused.status in TURNED_AWAY:
                    with self.lock:
                        self.turned_away += 1
                    return
                why = str(refused)
                break
            except (OSError, ValueError) as error:
                why = str(error)
                time.sleep(0.05)
                continue
            if data and data.get("booking_id"):
                with self.lock:
                    self.latencies_ms.append((due, (time.monotonic() - due) * 1000))
                    self.granted.append((data["booking_id"], user))
                return
            # 202: the outcome is not known yet; the same key asks again.
            time.sleep(0.05)
        with self.lock:
            self.lost.append(why)

    def quantile_ms(self, share, begin=0.0, end=math.inf):
        """Of what was due between two times of the monotonic clock."""
        return quantile([ms for due, ms in self.latencies_ms if begin <= due < end], share)

    def missing(self):
        """Granted bookings that the server no longer knows."""
        known = []
        for booking, user in self.granted[:: max(1, len(self.granted) // 50)]:
            data = self.server.patient("GET", f"/api/v1/bookings/{booking}", user, None)
            known.append(data and data["status"] in ("reserved", "confirmed"))
        return known.count(False)


def quantile(values, share):
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
