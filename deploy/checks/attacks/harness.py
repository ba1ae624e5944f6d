"""The server under attack, a well-behaved client, and what is measured meanwhile."""

import base64
import hashlib
import hmac
import http.client
import json
import math
import multiprocessing
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import uuid

from ports import free_port

READY_TIMEOUT_S = 120
# The most memory that `dev` may use under any attack.
RSS_MAX_MIB = 1024
# The longest that 99 % of the sales may take. Reported; asserted in the long form.
P99_MAX_MS = 50
# The well-behaved client: requests per second, and the time within which each has its answer.
STEADY_RATE = 20
STEADY_WORKERS = 4
STEADY_TIMEOUT_S = 20
SAMPLE_EVERY_S = 0.1
CALL_TIMEOUT_S = 60
# All of 127/8 is this machine: well-behaved clients come from many addresses, an attacker from one.
ATTACKER_ADDRESS = "127.66.6.6"
# Answers that are neither a sale nor a loss: the client may retry.
TURNED_AWAY = (429, 503)


class RefusedError(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:300]}")
        self.status, self.body = status, body


class Server:
    """`onsale dev` on a fresh data folder and a free port."""

    def __init__(self, binary, descriptors=None, settings=None):
        self.binary = binary
        self.folder = tempfile.TemporaryDirectory(prefix="onsale-attack-")
        self.data = pathlib.Path(self.folder.name) / "data"
        self.log = pathlib.Path(self.folder.name) / "log"
        self.port = free_port()
        # Soft and hard limit: a server may raise the soft one to the hard one.
        self.descriptors = descriptors
        self.env = {
            name: value for name, value in os.environ.items() if not name.startswith("ONSALE_")
        }
        self.env |= {"ONSALE_TELEMETRY__FILTER": "warn", **(settings or {})}
        self.child = None

    def __enter__(self):
        command = [
            self.binary,
            "dev",
            "--data",
            str(self.data),
            "--listen",
            f"127.0.0.1:{self.port}",
        ]
        if self.descriptors:
            command = ["/bin/sh", "-c", f'ulimit -n {self.descriptors} && exec "$@"', "-", *command]
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(command, stdout=log, stderr=log, env=self.env)
        end = time.monotonic() + READY_TIMEOUT_S
        while "Stop with Ctrl-C" not in self.text():
            if self.child.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"`onsale dev` does not start:\n{self.text()[-3000:]}")
            time.sleep(0.1)
        self.organizer = self.token("organizer")
        self.service = self.token("service")
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.folder.cleanup()

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def is_alive(self):
        return self.child.poll() is None

    def rss_mib(self):
        try:
            with pathlib.Path(f"/proc/{self.child.pid}/status").open(encoding="ascii") as status:
                for line in status:
                    if line.startswith("VmRSS:"):
                        return int(line.split()[1]) / 1024
        except OSError:
            pass
        return 0.0

    def descriptors_open(self):
        try:
            return len(list(pathlib.Path(f"/proc/{self.child.pid}/fd").iterdir()))
        except OSError:
            return 0

    def verb(self, *words):
        return subprocess.run(
            [self.binary, *words, "--data", str(self.data)],
            env=self.env,
            check=False,
            capture_output=True,
            text=True,
        )

    def load(self, scenario, seconds, *words):
        """What `onsale load` reports of a run at full speed."""
        words = [
            "load",
            "--target",
            f"http://127.0.0.1:{self.port}",
            "--secret-file",
            str(self.data / "dev-secret"),
            "--scenario",
            scenario,
            "--duration",
            f"{seconds}s",
            "--rate",
            "0",
            "--keep-events",
            "--json",
            *words,
        ]
        done = subprocess.run(
            [self.binary, *words], env=self.env, check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise SystemExit(f"no load: {done.stderr}")
        return json.loads(done.stdout)

    def token(self, role, user=None, tenant=None):
        """The tenant is that of `dev` unless another is given."""
        words = [
            "token",
            "--user",
            user or str(uuid.uuid4()),
            "--role",
            role,
            "--ttl",
            "1h",
            "--tenant",
            tenant or "de300000-0000-4000-8000-000000000001",
        ]
        done = self.verb(*words)
        if done.returncode != 0:
            raise SystemExit(f"no token: {done.stderr}")
        return done.stdout.strip()

    def tokens(self, count, role="buyer"):
        """Tokens of many users, signed here: a verb for each would take minutes."""
        secret = (self.data / "dev-secret").read_text().strip().encode()

        def part(value):
            return base64.urlsafe_b64encode(value).rstrip(b"=")

        now = int(time.time())
        head = part(b'{"typ":"JWT","alg":"HS256"}')
        made = []
        for _ in range(count):
            claims = {
                "sub": str(uuid.uuid4()),
                "role": role,
                "tenant": "de300000-0000-4000-8000-000000000001",
                "iat": now,
                "exp": now + 3600,
                "iss": "onsale",
                "aud": "onsale",
            }
            text = head + b"." + part(json.dumps(claims).encode())
            made.append(
                (text + b"." + part(hmac.new(secret, text, hashlib.sha256).digest())).decode()
            )
        return made

    def call(self, method, path, token="", body=None, **how):
        """`data` of an answer; on a connection of its own.

        `how`: more `headers`, the `address` to come from, `timeout_s`.
        """
        timeout_s = how.get("timeout_s", CALL_TIMEOUT_S)
        address = how.get("address", "127.0.0.1")
        headers = how.get("headers")
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=timeout_s, source_address=(address, 0)
        )
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {
                    "Content-Type": "application/json",
                    **(headers or {}),
                    **({"Authorization": f"Bearer {token}"} if token else {}),
                },
            )
            answer = connection.getresponse()
            text = answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"no answer: {error!r}") from None
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise RefusedError(answer.status, text.decode(errors="replace"))
        return json.loads(text).get("data")

    def patient(self, method, path, token, body):
        """As call, but waits when it is rate limited."""
        for _ in range(100):
            try:
                return self.call(method, path, token, body)
            except RefusedError as refused:
                if refused.status not in TURNED_AWAY:
                    raise
                time.sleep(1)
        raise SystemExit(f"{method} {path} is turned away forever")

    def open_show(self, zones, tickets=0, organizer=None, event=None):
        """The id of a new show and its zones, of a new event unless one is given."""
        organizer = organizer or self.organizer
        if event is None:
            event = self.patient(
                "POST",
                "/api/v1/events",
                organizer,
                {
                    "name": "Attacked",
                    "starts_at": "2099-01-01T20:00:00Z",
                    "max_tickets_per_user": tickets,
                },
            )["event_id"]
        show = self.patient(
            "POST",
            f"/api/v1/events/{event}/shows",
            organizer,
            {"starts_at": "2099-01-01T20:00:00Z", "zones": zones},
        )
        return show["show_id"], show["zones"]

    def large_show(self, seats=250_000):
        rows = [{"name": f"R{row}", "seats": 1_000} for row in range(seats // 1_000)]
        return self.open_show(
            [
                {
                    "name": "All",
                    "price": {"amount": 1, "currency": "THB"},
                    "admission": "seated",
                    "rows": rows,
                }
            ]
        )


def general(capacity):
    return [
        {
            "name": "Floor",
            "price": {"amount": 1, "currency": "THB"},
            "admission": "general",
            "capacity": capacity,
        }
    ]


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


class Watch:
    """Samples memory and descriptors while an attack runs."""

    def __init__(self, server):
        self.server = server
        self.rss_max_mib, self.descriptors_max = server.rss_mib(), 0
        self.rss_before_mib = self.rss_max_mib
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.stop.is_set():
            self.rss_max_mib = max(self.rss_max_mib, self.server.rss_mib())
            self.descriptors_max = max(self.descriptors_max, self.server.descriptors_open())
            if self.rss_max_mib > 6 * RSS_MAX_MIB:
                # The machine has to live on.
                self.server.child.kill()
                return
            time.sleep(SAMPLE_EVERY_S)

    def end(self):
        self.stop.set()
        self.thread.join()


class Attacker:
    """Sockets of an attack and its duration."""

    def __init__(self, server, seconds):
        self.server = server
        self.end = time.monotonic() + seconds
        self.seconds = seconds
        self.sockets = []
        # Set when many addresses attack together: limits by address do not help then.
        self.is_spread = False
        self.turn = 0

    def is_on(self):
        return time.monotonic() < self.end and self.server.is_alive()

    def address(self):
        if not self.is_spread:
            return ATTACKER_ADDRESS
        self.turn += 1
        return f"127.67.{self.turn // 250 % 250}.{1 + self.turn % 250}"

    def connect(self, receive_bytes=None, timeout_s=2.0):
        """A connection, or None when the server accepts none."""
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(timeout_s)
        try:
            connection.bind((self.address(), 0))
            connection.connect(("127.0.0.1", self.server.port))
        except OSError:
            connection.close()
            return None
        return connection

    def keep(self, connection):
        if connection is not None:
            self.sockets.append(connection)
        return connection

    def send(self, connection, data):
        """False when the server does not accept it."""
        try:
            connection.sendall(data)
            return True
        except OSError:
            return False

    def answer(self, data, timeout_s=5.0):
        """Sends bytes on a new connection and returns the first bytes of the answer."""
        connection = self.connect(timeout_s=timeout_s)
        if connection is None:
            return b""
        with connection:
            self.send(connection, data)
            try:
                return connection.recv(65536)
            except OSError:
                return b""

    def rest(self, seconds):
        """Sleeps, at most to the end of the attack."""
        time.sleep(max(0.0, min(seconds, self.end - time.monotonic())))

    def close(self):
        for connection in self.sockets:
            connection.close()
        self.sockets.clear()


def get(path, token="", host="localhost"):
    """The bytes of a GET."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\n".encode()


def post_head(path, length, token=""):
    """The head of a POST whose body may follow."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n{bearer}\r\n"
    ).encode()


def in_parallel(attacker, count, work):
    """Runs work(number) in a number of threads repeatedly until the attack ends."""

    def loop(number):
        while attacker.is_on():
            try:
                work(number)
            except (OSError, ValueError, RefusedError):
                time.sleep(0.01)

    threads = [threading.Thread(target=loop, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(attacker.seconds + CALL_TIMEOUT_S)
