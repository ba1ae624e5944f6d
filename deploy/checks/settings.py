"""The settings of compose file, manifests and image exist, and lists of nodes fit the nodes.

With ONSALE_BIN each node's settings are also given to that program (`onsale config check`).
"""

import os
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

import yaml

from problems import finish, problem

DEPLOY = Path(__file__).resolve().parents[1]
VARIABLE = re.compile(r"\bONSALE_([A-Z0-9]+(?:_[A-Z0-9]+)*?)__([A-Z0-9_]+)\b")
COMPOSE = DEPLOY / "compose"
BASE = DEPLOY / "kubernetes" / "base"
SECRETS = {
    "token-key": "t" * 64,
    "booking-secret": "b" * 64,
    "cluster-secret": "c" * 64,
    "accounts-key": "a" * 64,
    "mail-url": "smtp://127.0.0.1:1025",
    "database-url": "postgres://onsale:x@127.0.0.1:5432/onsale",
}


def reference() -> set[tuple[str, str]]:
    """(section, key) of deploy/onsale.toml, those that are commented out too."""
    section, keys = "", set()
    for line in (DEPLOY / "onsale.toml").read_text().splitlines():
        if match := re.match(r"\[([\w.]+)\]", line):
            section = match[1]
        elif match := re.match(r"(?:# )?([a-z][a-z0-9_]*) = ", line):
            keys.add((section, match[1]))
    return keys


def check_file(path: Path, known: set[tuple[str, str]]) -> dict:
    given = tomllib.loads(path.read_text())
    for section, values in given.items():
        for key in values:
            if (section, key) not in known:
                problem(path.relative_to(DEPLOY), f"there is no setting {section}.{key}")
    return given


def check_variables(known: set[tuple[str, str]]) -> None:
    for folder in ("compose", "container", "kubernetes"):
        for path in (DEPLOY / folder).rglob("*"):
            # Secret values are not read; they contain no names.
            if not path.is_file() or "secrets" in path.relative_to(DEPLOY).parts:
                continue
            for section, key in VARIABLE.findall(path.read_text()):
                if (section.lower(), key.lower()) not in known:
                    problem(
                        path.relative_to(DEPLOY), f"there is no setting ONSALE_{section}__{key}"
                    )


def compose_nodes() -> dict[str, dict[str, str]]:
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    found = {}
    for name, service in services.items():
        environment = service.get("environment", {})
        if "ONSALE_NODE__ID" in environment:
            if environment["ONSALE_NODE__ID"] != name:
                problem(f"compose.yaml {name}", "has another node's id")
            found[name] = {key: value for key, value in environment.items() if value is not None}
    return found


def kubernetes_nodes() -> dict[str, dict[str, str]]:
    """One node of each workload, and all of the StatefulSet."""
    found = {}
    for file in ("processor.yaml", "ingress.yaml", "projector.yaml"):
        for item in yaml.safe_load_all((BASE / file).read_text()):
            if item["kind"] not in ("StatefulSet", "Deployment"):
                continue
            container = item["spec"]["template"]["spec"]["containers"][0]
            plain = {e["name"]: e["value"] for e in container["env"] if "value" in e}
            count = item["spec"].get("replicas", 1) if item["kind"] == "StatefulSet" else 1
            for number in range(count):
                name = f"{item['metadata']['name']}-{number}"
                environment = {
                    key: value.replace("$(ONSALE_NODE__ID)", name).replace("$(POD_IP)", "10.0.0.1")
                    for key, value in plain.items()
                }
                found[name] = environment | {"ONSALE_NODE__ID": name}
    return found


def check_processors(where: str, given: dict, nodes: dict[str, dict[str, str]]) -> None:
    processors = [n for n, e in nodes.items() if "processor" in e["ONSALE_NODE__ROLES"].split(",")]
    if given["cluster"]["processors"] != processors:
        problem(
            where,
            f"cluster.processors is {given['cluster']['processors']}, the nodes are {processors}",
        )


def check_by_program(
    program: str, where: str, file: Path, nodes: dict[str, dict[str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in SECRETS.items():
            (Path(folder) / name).write_text(text)
        for name, environment in nodes.items():
            variables = {
                key: str(Path(folder) / Path(value).name) if key.endswith("_FILE") else value
                for key, value in environment.items()
            } | {"ONSALE_CONFIG": str(file), "ONSALE_DATA__DIR": folder, "PATH": os.environ["PATH"]}
            done = subprocess.run(
                [program, "config", "check"],
                env=variables,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                problem(f"{where} {name}", (done.stderr or done.stdout).strip())


def main() -> None:
    known = reference()
    if ("cluster", "processors") not in known:
        print("NOT CHECKED: deploy/onsale.toml knows no cluster, so its settings cannot be checked")
        return
    check_variables(known)
    for where, file, nodes in (
        ("compose", COMPOSE / "onsale.toml", compose_nodes()),
        ("kubernetes", BASE / "onsale.toml", kubernetes_nodes()),
    ):
        given = check_file(file, known)
        check_processors(where, given, nodes)
        if program := os.environ.get("ONSALE_BIN"):
            check_by_program(program, where, file, nodes)
    finish()


main()
