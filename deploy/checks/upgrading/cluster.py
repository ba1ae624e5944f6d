"""The cluster that is upgraded: deploy/cluster.sh with one program or the other, and one more
processor, which is forgotten on purpose."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import uuid

SCRIPT = pathlib.Path(__file__).parents[2] / "cluster.sh"
PARTITIONS = 8
INGRESSES = ("ingress-1", "ingress-2")
FORGOTTEN = "processor-3"
PROCESSORS = ("processor-1", "processor-2", FORGOTTEN)
# Nothing takes longer unless it is broken.
PATIENCE_S = 120
VERB_TIMEOUT_S = 600
CALL_TIMEOUT_S = 10
TOKEN_LIFE_S = 86_400
# Distances from the first port, as cluster.sh has them.
PORTS = 450
FORGOTTEN_PORT = 73
OPERATIONS = 100


class FailedError(Exception):
    """The drill cannot go on."""


class NoAnswerError(Exception):
    """The connection broke, or nothing came in time."""


def free_ports():
    """The first of as many free ports in a row, below those of outgoing connections."""
    for first in range(16_000, 31_000, 500):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + PORTS):
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise FailedError(f"there are no {PORTS} free ports in a row")


class Node:
    """One node, asked on a connection that is kept. For one thread."""

    def __init__(self, name, port):
        self.name, self.port = name, port
        self.connection = None

    def ask(self, method, path, token="", body=None, key=None):
        """(status, the answer); NoAnswerError where there is none."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers["Idempotency-Key"] = key
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=CALL_TIMEOUT_S
            )
        try:
            text = None if body is None else json.dumps(body)
            self.connection.request(method, path, text, headers)
            answer = self.connection.getresponse()
            got = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.connection = None
            raise NoAnswerError(repr(error)) from None
        try:
            return answer.status, json.loads(got)
        except ValueError:
            return answer.status, got.decode(errors="replace")


class Cluster:
    """Up when it is entered, and gone with all that it had when it is left."""

    def __init__(self, old, new):
        self.old, self.new = old, new
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="onsale-upgrade-"))
        # PostgreSQL runs as a user of its own where this is root, and keeps its data below.
        self.folder.chmod(0o711)
        self.port = free_ports()
        self.secret = secrets.token_hex(32)
        self.forgotten = None
        self.operator = self.token("operator")
        self.organizer = self.token("organizer")
        self.settings = {
            "ONSALE_AUTH__HS256_SECRET": self.secret,
            "ONSALE_CLUSTER__PROCESSORS": ",".join(PROCESSORS),
            "ONSALE_LOG__PARTITIONS": str(PARTITIONS),
            "ONSALE_RATE_LIMIT__ENABLED": "false",
            "ONSALE_KAFKA__TOPIC_PREFIX": f"upgrade-{uuid.uuid4().hex[:8]}",
            "ONSALE_PAYMENTS__SIMULATED": "true",
        }

    def __enter__(self):
        try:
            self.script(self.old, "up")
            self.start_forgotten(self.old)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop_forgotten()
        self.script(self.new, "down", "--wipe", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, binary):
        mine = {name: value for name, value in os.environ.items() if "ONSALE_" not in name[:7]}
        return (
            mine
            | self.settings
            | {
                "ONSALE_BINARY": str(binary),
                "ONSALE_CLUSTER_DIR": str(self.folder / "cluster"),
                "ONSALE_CLUSTER_PORT": str(self.port),
            }
        )

    def script(self, binary, *words, check=True):
        """Runs a verb of cluster.sh; (exit code, what it printed)."""
        # Nodes that it starts keep its output, so it is a file: the end of a pipe would not come.
        with tempfile.TemporaryFile(dir=self.folder) as printed:
            code = subprocess.run(
                [SCRIPT, *words],
                env=self.environment(binary),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=VERB_TIMEOUT_S,
                check=False,
            ).returncode
            printed.seek(0)
            text = printed.read().decode(errors="replace")
        if check and code != 0:
            raise FailedError(f"cluster.sh {' '.join(words)}: exit {code}\n{text[-3000:]}")
        return code, text

    def migrate(self):
        """Brings the schema up to date with the new program."""
        return self.script(self.new, "onsale", "migrate")[1]

    def upgrade(self, name):
        """Stops a node properly and starts it with the new program; returns when it is ready."""
        if name == FORGOTTEN:
            self.stop_forgotten()
            self.start_forgotten(self.new)
        else:
            self.script(self.new, "restart", name)

    def start_forgotten(self, binary):
        port = self.port + FORGOTTEN_PORT
        folder = self.folder / FORGOTTEN
        folder.mkdir(exist_ok=True)
        environment = self.environment(binary) | {
            "ONSALE_NODE__ID": FORGOTTEN,
            "ONSALE_NODE__ROLES": "processor",
            "ONSALE_HTTP__LISTEN": f"127.0.0.1:{port}",
            "ONSALE_HTTP__OPERATIONS_LISTEN": f"127.0.0.1:{port + OPERATIONS}",
            "ONSALE_KAFKA__BROKERS": f"127.0.0.1:{self.port + 92}",
            "ONSALE_DATABASE__URL": f"postgres://postgres@127.0.0.1:{self.port + 432}/postgres",
            "ONSALE_REDIS__URL": f"redis://127.0.0.1:{self.port + 379}",
        }
        with (folder / "log").open("ab") as log:
            self.forgotten = subprocess.Popen(
                [binary, "serve", "--data", str(folder / "data")],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        node = Node(FORGOTTEN, port)

        def is_ready():
            if self.forgotten.poll() is not None:
                raise FailedError(f"{FORGOTTEN} does not start:\n{self.log_of_forgotten()}")
            with contextlib.suppress(NoAnswerError):
                return node.ask("GET", "/health/ready")[0] == 200
            return False

        self.wait(is_ready, f"{FORGOTTEN} is not ready")

    def stop_forgotten(self):
        if self.forgotten is None or self.forgotten.poll() is not None:
            return
        self.forgotten.terminate()
        try:
            self.forgotten.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.forgotten.kill()
            self.forgotten.wait()

    def readiness_of_forgotten(self):
        with contextlib.suppress(NoAnswerError):
            return Node(FORGOTTEN, self.port + FORGOTTEN_PORT).ask("GET", "/health/ready")
        return None, None

    def log_of_forgotten(self):
        return (self.folder / FORGOTTEN / "log").read_text(errors="replace")[-20_000:]

    def keep_logs(self, folder):
        """Copies the nodes' logs to where they outlive the cluster."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / FORGOTTEN / "log", folder / f"{FORGOTTEN}.log")
        for log in (self.folder / "cluster").glob("*/*-?.log"):
            shutil.copy(log, folder / log.name)

    def node(self, name):
        distance = {"ingress": 80, "processor": 70, "projector": 60}
        role, number = name.split("-")
        return Node(name, self.port + distance[role] + int(number))

    def token(self, role, user=None):
        """An access token, signed here: a verb for each buyer would take minutes."""

        def part(value):
            return base64.urlsafe_b64encode(value).rstrip(b"=")

        now = int(time.time())
        claims = {
            "sub": user or str(uuid.uuid4()),
            "role": role,
            "tenant": str(uuid.UUID(int=0)),
            "iat": now,
            "exp": now + TOKEN_LIFE_S,
            "iss": "onsale",
            "aud": "onsale",
        }
        text = part(b'{"typ":"JWT","alg":"HS256"}') + b"." + part(json.dumps(claims).encode())
        mark = hmac.new(self.secret.encode(), text, hashlib.sha256).digest()
        return (text + b"." + part(mark)).decode()

    def post(self, name, path, token, body, method="POST"):
        """`data` of the answer, asked with one key until something is decided."""
        node, key = self.node(name), str(uuid.uuid4())
        got = None

        def decided():
            nonlocal got
            with contextlib.suppress(NoAnswerError):
                got = node.ask(method, f"/api/v1{path}", token, body, key)
                return got[0] not in (202, 503)
            return False

        self.wait(decided, f"{name} does not answer {method} {path}")
        status, answer = got
        if status not in (200, 201):
            raise FailedError(f"{name}: {method} {path}: {status} {answer}")
        return answer["data"]

    def wait_for_owners(self):
        """Until each partition has an owner and a standby that are level."""
        node = self.node("ingress-1")
        seen = None

        def level():
            nonlocal seen
            with contextlib.suppress(NoAnswerError):
                status, seen = node.ask("GET", "/api/v1/partitions", self.operator)
                return status == 200 and all(
                    row["owner"] and row["standby"] for row in seen["data"]
                )
            return False

        self.wait(level, lambda: f"a partition has no owner or no standby: {seen}")

    @staticmethod
    def wait(what, otherwise):
        end = time.monotonic() + PATIENCE_S
        while not what():
            if time.monotonic() > end:
                text = otherwise() if callable(otherwise) else otherwise
                raise FailedError(f"{text}, after {PATIENCE_S} s")
            time.sleep(0.1)
