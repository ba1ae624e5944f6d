"""The server under attack, and how it is asked."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import subprocess
import tempfile
import time
import uuid

from ports import free_port

READY_TIMEOUT_S = 120
CALL_TIMEOUT_S = 60
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
