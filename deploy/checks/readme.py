#!/usr/bin/env python3
"""Runs README.md and CONTRIBUTING.md as a newcomer would: every console line, in order, against a
fresh `onsale dev`.

    deploy/checks/readme.py [--binary FILE] [--cluster] [--slow] [--release-binary FILE]

    --binary   the program (default: $CARGO_TARGET_DIR or target, debug/onsale)
    --cluster  also the tour of the cluster (half a minute once Kafka, PostgreSQL, Redis are there)
    --slow     also the lines that build or fetch a lot; else they are looked at only

The pages are read, not copied: a line that is added there is run here, and one that this script
cannot run is an error until TABLE says why. A line runs through bash with `onsale` on the PATH and
the variables that the text before it mentions. Below a line the page may show what is printed; the
shape of that is compared: keys of JSON, headings of tables. deploy/README.md is about other
machines and tools: its lines are parsed, and the files and verbs that they name have to exist. So
do the files and headings that any page of the repository links to.

Exit 0 all lines hold, 1 some do not, 3 could not run. Python's standard library only.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Pages whose lines run, in this order.
PAGES = ["README.md", "CONTRIBUTING.md"]
READY_TIMEOUT_S = 120
LINE_TIMEOUT_S = 300
CLUSTER_LINE_TIMEOUT_S = 600
# A stream has no end: what arrives within this time counts.
STREAM_S = 2
# The search follows the catalog within a second; on a busy machine it may take longer.
SEARCH_TIMEOUT_S = 30
# Seats of the first demo show have ticket types, and this is one of them.
TICKET_TYPE = "Adult"
# Answers of the API that are files, and no JSON.
FILES = ("/export", "/calendar.ics")

RUN, SLOW, SKIP = "run", "slow", "skip"
# Lines that do not run as written: part of the line, what to do, [(pattern, replacement)], why. The
# first matching row counts; a row that matches no line is an error.
TABLE = [
    (
        "simulate -- --from 7 --seeds 1 ",
        SLOW,
        [(r"--seeds 1\b", "--seeds 1 --commands 500")],
        "a build with the release profile",
    ),
    (
        "simulate -- --seeds 1000 --world embedded",
        SLOW,
        [(r"--seeds 1000", "--seeds 5 --commands 500")],
        "1,000 worlds take minutes",
    ),
    (
        "simulate -- --seeds 1000",
        SLOW,
        [(r"--seeds 1000", "--seeds 5 --commands 500")],
        "1,000 worlds take minutes",
    ),
    (
        "cargo test -p onsale-simulation --test differential",
        SLOW,
        [],
        "test.sh runs it with all other tests",
    ),
    ("mutants/run.py", SLOW, [(r"run\.py", "run.py --check")], "all bugs take hours"),
    ("coverage.sh", SKIP, [], "builds everything a second time, with a component of the toolchain"),
    (
        "bench/fuzz/run.sh",
        SLOW,
        [(r"--inputs \d+", "--inputs 2000")],
        "ten million take hours",
    ),
    ("crash_points", SLOW, [], "test.sh runs it with all other tests"),
    (
        "schemathesis.sh",
        SLOW,
        [(r"--examples \d+", "--examples 2")],
        "test.sh runs it as a step; installs a tool",
    ),
    (
        "onsale load --scenario life",
        RUN,
        [(r"onsale load", "onsale load --rate 100 --duration 3s")],
        "1,000 requests a second are for a release build",
    ),
    ("onsale serve", SKIP, [], "does not end; the processes of the tests run it"),
    ("cargo run --release -p onsale-bench", SKIP, [], "benchmarks; meaningless on a busy machine"),
    ("cargo run --release -- dev", SKIP, [], "what this script starts, from --binary"),
    ("deploy/test.sh", SKIP, [], "runs this script"),
]
CLUSTER = "deploy/cluster.sh"
# Words of shown text that vary: ids, times, addresses, numbers, and omissions.
VALUE = re.compile(r"…|\d")


class Line:
    """A line of a console block, and what is shown below it."""

    def __init__(self, page, number, text):
        self.page = page
        self.number = number
        self.text = text
        self.shown = []

    def __str__(self):
        return f"{self.page}:{self.number}: {self.text}" if self.number else self.text


def console_lines(path):
    """The `$` lines of all ```console blocks, continued lines joined, with their output."""
    lines, inside = [], False
    page = path.relative_to(ROOT)
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if text.startswith("```"):
            inside = not inside and text.strip() == "```console"
        elif inside and text.startswith("$ "):
            lines.append(Line(page, number, text[2:]))
        elif inside and lines:
            if lines[-1].text.endswith("\\"):
                lines[-1].text = lines[-1].text[:-1] + text.strip()
            else:
                lines[-1].shown.append(text)
    return lines


def commands_of(path):
    """Indented lines of a page that are commands."""
    text = path.read_text(encoding="utf-8")
    return re.findall(r"^    ((?:cargo|deploy|onsale|bench)\S* .*|deploy/\S+\.sh.*)$", text, re.M)


def plain(line):
    """The line without the remark after `#`."""
    return re.sub(r"\s{2,}#.*$", "", line).strip()


def row_for(text):
    return next((row for row in TABLE if row[0] in text), None)


# --- shapes


def keys_of(value, path=""):
    """Every key in a JSON value by path; items of lists share one."""
    keys = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            keys.add(f"{path}.{key}")
            keys |= keys_of(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            keys |= keys_of(inner, f"{path}[]")
    return keys


def keys_shown(text):
    """The names of keys in JSON that may be cut by an ellipsis."""
    return re.findall(r'"([a-z_]+)":', text)


def compare(line, output):
    """What is wrong with the shown output; None when nothing is."""
    shown = [text for text in line.shown if text.strip() not in ("", "…")]
    if not shown:
        return None
    if shown[0].startswith("{"):
        return compare_json(shown[0], output)
    # Words: those that do not vary have to occur in order, in one line each. So do the columns of a
    # table.
    rows = [re.sub(r"\s+", " ", row) for row in output.splitlines()]
    for text in shown if not re.fullmatch(r"[A-Z ]+", shown[0]) else shown[:1]:
        words = [re.escape(word) for word in text.split() if not VALUE.search(word)]
        if not any(re.search(".*".join(words), row) for row in rows):
            return f"README shows {text.strip()!r}: {output[:600]}"
    return None


def compare_json(shown, output):
    """Compares keys, and whether it was a success; values vary."""
    try:
        got = json.loads(output)
    except ValueError:
        return f"no JSON: {output[:300]}"
    names = {key.rsplit(".", 1)[-1].removesuffix("[]") for key in keys_of(got)}
    missing = [key for key in keys_shown(shown) if key not in names]
    if missing:
        return f"README shows {missing}, which the answer does not have: {output[:300]}"
    for key in ("success", "status"):
        value = re.search(rf'"{key}":("[a-z]+"|true|false)', shown)
        if value and value.group(0) not in output.replace(" ", ""):
            return f"README shows {value.group(0)}: {output[:300]}"
    return None


# --- a server


class RefusedError(Exception):
    """An answer of the API that is not a success."""

    def __init__(self, error):
        super().__init__(str(error))
        self.error = error


class Dev:
    """`onsale dev` on fresh data and a free port, and what it prints."""

    def __init__(self, binary, folder):
        self.binary, self.data = binary, folder / "data"
        self.port = free_port()
        self.log = folder / "dev.log"
        self.child = None
        self.env = {
            "ONSALE_DATA__DIR": str(self.data),
            "ONSALE_HTTP__LISTEN": f"127.0.0.1:{self.port}",
            "ONSALE_HTTP__OPERATIONS_LISTEN": "127.0.0.1:0",
        }

    def start(self):
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [self.binary, "dev"],
                stdout=log,
                stderr=log,
                env={**os.environ, **self.env},
                cwd=ROOT,
            )
        end = time.monotonic() + READY_TIMEOUT_S
        while "Stop with Ctrl-C" not in self.log.read_text(errors="replace"):
            if self.child.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"`onsale dev` does not start:\n{self.log.read_text()}")
            time.sleep(0.1)

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()

    def printed(self):
        """The variables that a newcomer would copy from the screen."""
        text = self.log.read_text(errors="replace")
        found = dict(re.findall(r"^  (BUYER|ORGANIZER|ADMIN|SERVICE)=(\S+)$", text, re.M))
        found["SHOW"] = re.findall(r"^  show +(\S+) ", text, re.M)[0]
        return found

    def wait_for_search(self):
        """Until the demo events are found, which a newcomer's first line looks for."""
        end = time.monotonic() + SEARCH_TIMEOUT_S
        while time.monotonic() < end:
            try:
                if self.call("/events?search=orchard&limit=1"):
                    return
            except RefusedError:
                # There is no index yet.
                pass
            time.sleep(0.2)
        raise SystemExit("the search does not find the demo events")

    def call(self, path, token="", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(
            "GET" if body is None else "POST",
            f"/api/v1{path}",
            None if body is None else json.dumps(body),
            {
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
        )
        answer = json.load(connection.getresponse())
        connection.close()
        if not answer["success"]:
            raise RefusedError(answer["error"])
        return answer["data"]


class Reader:
    """Runs lines like a reader who follows the text: ids of examples become those seen here."""

    def __init__(self, dev, folder, binary):
        self.dev, self.folder = dev, folder
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "onsale").symlink_to(binary)
        self.env = {
            **os.environ,
            **dev.env,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        }
        self.variables = dev.printed()
        # Ids of the examples, mapped to those seen here.
        self.same = {}

    def hold(self):
        """A booking that is held, for lines that need one more."""
        zone = self.dev.call(f"/shows/{self.variables['SHOW']}/zones")[0]["zone_id"]
        return self.dev.call(
            "/bookings/reserve",
            self.variables["BUYER"],
            {
                "show_id": self.variables["SHOW"],
                "zone_id": zone,
                "quantity": 1,
                "ticket_type": TICKET_TYPE,
            },
        )["booking_id"]

    def refusal(self):
        """A request that was refused, for the line that explains one."""
        show = self.variables["SHOW"]
        zone = self.dev.call(f"/shows/{show}/zones")[0]["zone_id"]
        seat = self.dev.call(f"/bookings/{self.hold()}", self.variables["BUYER"])["seats"][0]
        try:
            self.dev.call(
                "/bookings/reserve",
                self.variables["BUYER"],
                {
                    "show_id": show,
                    "zone_id": zone,
                    "seats": [seat],
                    "ticket_type": TICKET_TYPE,
                },
            )
        except RefusedError as refused:
            return refused.error["details"]["request_id"]
        raise SystemExit(f"seat {seat} was sold twice")

    def fill(self, text):
        if "$REQUEST" in text:
            self.variables["REQUEST"] = self.refusal()
        if "$ANOTHER_HOLD" in text:
            self.variables["ANOTHER_HOLD"] = self.hold()
        for example, here in self.same.items():
            text = text.replace(example, here)
        # The README's port is the default one.
        return text.replace("localhost:8080", f"127.0.0.1:{self.dev.port}")

    def learn(self, line, output):
        """Maps the ids in the shown answer to those of the real one, key by key."""
        if not (line.shown and line.shown[0].startswith("{")):
            return
        try:
            got = json.loads(output)
        except ValueError:
            return
        data = got.get("data")
        first = data[0] if isinstance(data, list) and data else data
        of = {**(got.get("meta") or {}), **(first if isinstance(first, dict) else {})}
        for key in ("zone_id", "booking_id", "event_id", "command_id"):
            example = re.search(rf'"{key}":"([0-9a-f-]{{36}})"', line.shown[0])
            if example and of.get(key):
                self.same[example.group(1)] = of[key]
        if isinstance(first, dict):
            # What the text says to keep of an answer.
            for key in ("event_id", "zone_id", "booking_id"):
                if first.get(key):
                    self.variables.setdefault(key.removesuffix("_id").upper(), first[key])

    def run(self, text, timeout_s=LINE_TIMEOUT_S):
        """(exit code, stdout, stderr)"""
        env = {**self.env, **self.variables}
        if "/stream" in text:
            text = f"timeout {STREAM_S} {text}; [ $? -eq 124 ]"
        if " onsale " in f" {text}" and "config" not in text:
            text = f"set -o pipefail; {text}"
        ended = subprocess.run(
            ["/bin/bash", "-c", text],
            cwd=self.folder,
            env=env,
            timeout=timeout_s,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr


def is_fine(text, code, output):
    """Exit 0, and no problem in the API's answer; curl ends with 0 whatever the answer."""
    if code != 0:
        return f"exit {code}"
    if re.match(r"\s*curl ", text) and '"success":false' in output:
        return "refused"
    is_json = "/stream" not in text and not any(file in text for file in FILES)
    if re.match(r"\s*curl ", text) and is_json and '"success":true' not in output:
        return "not answered"
    return None


def export_of(text):
    """`export NAME=…` is for the lines after it."""
    return re.match(r"export ([A-Z_]+)=(.*)$", text)


def run_readme(reader, lines, slow, say):
    failures, used = [], set()
    killed = False
    for line in lines:
        text = plain(line.text)
        if text.startswith(CLUSTER):
            continue
        row = row_for(f"{line.text} ")
        if row:
            used.add(row[0])
            what = row[1]
            if what == SKIP or (what == SLOW and not slow):
                say(f"  –   {line.number:4}  {text}\n            not run: {row[3]}")
                missing = missing_program(text)
                if missing:
                    failures.append((line, f"{missing} is not there"))
                continue
            for pattern, replacement in row[2]:
                text = re.sub(pattern, replacement, text)
        if not killed and text.startswith("onsale "):
            # As the text says: kill -9, start again, everything that was acknowledged is there.
            before = reader.dev.call("/bookings", reader.variables["BUYER"])
            reader.dev.kill()
            reader.dev.log.write_text("")
            reader.dev.start()
            after = reader.dev.call("/bookings", reader.variables["BUYER"])
            if {b["booking_id"] for b in before} - {b["booking_id"] for b in after}:
                failures.append((line, "a booking is missing after kill -9"))
            killed = True
        exported = export_of(text)
        if exported:
            code, output, error = reader.run(f"printf %s {exported.group(2)}")
            # The exported key is for `serve`; `dev` keeps its own.
            problem = None if code == 0 and len(output) >= 32 else f"exit {code}"
            say(f"  {'ok' if problem is None else 'BAD':3} {line.number:4}  {text}")
            if problem:
                failures.append((line, f"{problem}: {error}"))
            continue
        begin = time.monotonic()
        at_root = text.startswith(("cargo ", "processor/", "bench/", "deploy/"))
        text = reader.fill(text)
        try:
            code, output, error = reader.run(
                f"cd {shlex.quote(str(ROOT))}; {text}" if at_root else text
            )
        except subprocess.TimeoutExpired:
            code, output, error = 124, "", "no end"
        problem = is_fine(text, code, output) or compare(line, output)
        say(
            f"  {'ok' if problem is None else 'BAD':3} {line.number:4}  {plain(line.text)}"
            f"  ({time.monotonic() - begin:.1f} s)"
        )
        if problem:
            failures.append((line, f"{problem}\n{output[:1500]}{error[:1500]}"))
        reader.learn(line, output)
    return failures, used


def missing_program(text):
    """A file of the repository that a line starts with and that does not exist."""
    first = text.split()[0]
    if "/" in first and not (ROOT / first).exists():
        return first
    return None


def run_cluster(reader, lines, binary, say):
    """Runs the tour of the cluster, each line as written."""
    failures = []
    folder = reader.folder / "cluster"
    reader.env |= {
        "ONSALE_CLUSTER_DIR": str(folder),
        "ONSALE_BINARY": str(binary),
        "ONSALE_CLUSTER_PORT": "27000",
    }
    # Those of `dev` would reach every node.
    for name in reader.dev.env:
        reader.env.pop(name, None)
    try:
        for line in lines:
            text = plain(line.text)
            if not text.startswith(CLUSTER):
                continue
            begin = time.monotonic()
            code, output, error = reader.run(
                f"cd {shlex.quote(str(ROOT))}; {text}", CLUSTER_LINE_TIMEOUT_S
            )
            problem = None if code == 0 else f"exit {code}"
            if problem is None and " up" in text:
                problem = compare(line, output)
            say(
                f"  {'ok' if problem is None else 'BAD':3} {line.number:4}  {text}"
                f"  ({time.monotonic() - begin:.1f} s)"
            )
            if problem:
                failures.append((line, f"{problem}\n{output[-1500:]}{error[-1500:]}"))
    finally:
        reader.run(f"cd {shlex.quote(str(ROOT))}; {CLUSTER} down --wipe", CLUSTER_LINE_TIMEOUT_S)
    return failures


def look_at_deploy_readme(reader, say):
    """Files and verbs of `onsale` in the lines of deploy/README.md."""
    failures = []
    path = ROOT / "deploy/README.md"
    text = path.read_text(encoding="utf-8")
    verbs = set(
        re.findall(
            r"onsale ((?:[a-z]+(?: (?=--|[a-z]))?)+?)(?=[ `)\n]|$)",
            "\n".join(line.text for line in console_lines(path)),
        )
    )
    verbs |= set(re.findall(r"`onsale ([a-z]+)", text))
    for verb in sorted({verb.split()[0] for verb in verbs}):
        code, output, error = reader.run(f"onsale {verb} --help")
        if code != 0:
            failures.append((Line(None, 0, f"deploy/README.md: onsale {verb}"), error or output))
    for line in console_lines(path):
        for word in re.findall(r"(?<![\w/$-])deploy/[\w./-]+", line.text):
            if not (ROOT / word).exists() and "secrets" not in word:
                failures.append((line, f"{word} is not there"))
    word = "BAD" if failures else "ok"
    say(f"  {word:3}       deploy/README.md: files and verbs ({len(verbs)})")
    return failures


def anchors_of(path):
    """The anchors of a page's headings, as GitHub forms them."""
    headings = re.findall(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


def look_at_links(say):
    """Files and headings of the repository that its pages link to."""
    failures, count = [], 0
    folders = [path for path in ROOT.iterdir() if path.name != "target" and path.name[0] != "."]
    pages = sorted(
        page.relative_to(ROOT)
        for path in folders
        for page in (path.rglob("*.md") if path.is_dir() else [path])
        if page.suffix == ".md"
    )
    for page in pages:
        path = ROOT / page
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target, _, anchor in re.findall(r"\]\(([^)#:\s]*)(#([^)\s]+))?\)", text):
            count += 1
            file = path.parent / target if target else path
            if not file.exists():
                failures.append((Line(None, 0, f"{page}: {target}"), "is not there"))
            elif anchor and anchor not in anchors_of(file):
                failures.append((Line(None, 0, f"{page}: {target}#{anchor}"), "no such heading"))
    say(f"  {'BAD' if failures else 'ok':3}       links of {len(pages)} pages ({count})")
    return failures


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    arguments.add_argument("--binary", default=f"{target}/debug/onsale")
    arguments.add_argument("--cluster", action="store_true")
    arguments.add_argument("--slow", action="store_true")
    given = arguments.parse_args()
    binary = pathlib.Path(given.binary).resolve()
    if not binary.exists() or not shutil.which("curl"):
        print(f"readme.py: {binary} and curl are needed", file=sys.stderr)
        return 3
    for name in [name for name in os.environ if name.startswith("ONSALE_")]:
        del os.environ[name]

    def say(text):
        print(text, flush=True)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="onsale-readme-"))
    dev = Dev(binary, folder)
    try:
        dev.start()
        dev.wait_for_search()
        reader = Reader(dev, folder, binary)
        lines = [line for page in PAGES for line in console_lines(ROOT / page)]
        if len(lines) < 20:
            print("readme.py: the pages have hardly any console lines", file=sys.stderr)
            return 3
        failures, used = run_readme(reader, lines, given.slow, say)
        for text in commands_of(ROOT / "README.md"):
            row = row_for(f"{plain(text)} ")
            used.add(row[0] if row else "")
            if row is None:
                failures.append((Line(None, 0, text), "not in TABLE of this script"))
            elif missing_program(text):
                failures.append((Line(None, 0, text), "is not there"))
        for row in TABLE:
            if row[0] not in used:
                failures.append((Line(None, 0, row[0]), "is in TABLE and on no page"))
        failures += look_at_deploy_readme(reader, say)
        failures += look_at_links(say)
        dev.kill()
        if given.cluster:
            failures += run_cluster(reader, lines, binary, say)
    finally:
        dev.kill()
        shutil.rmtree(folder, ignore_errors=True)
    for line, problem in failures:
        print(f"\n{line}\n{problem}", file=sys.stderr)
    print(f"{len(failures)} lines do not hold" if failures else "all lines hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
