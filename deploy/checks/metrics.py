"""Alerts and dashboards use only metrics that the code has, and dashboards hold together.

metrics.py OUT [ANSWER...]: also writes the dashboards' expressions to OUT as recording rules, for
promtool to parse. Each ANSWER is a node's answer to /metrics: then alerts and dashboards may use
only what some node exports, with the labels that it has there.
"""

import json
import re
import sys
from pathlib import Path

import yaml

from problems import finish, problem

ROOT = Path(__file__).resolve().parents[2]
OBSERVABILITY = ROOT / "deploy" / "observability"
# Metrics of Prometheus itself and of redis_exporter 1.74.
OTHERS = {"up", "redis_memory_used_bytes", "redis_memory_max_bytes", "redis_commands_total"}
# Their label says what happened, so there is no series before it does.
EVENTS = {"booking_reservation_failures", "booking_precheck_refusals_total"}
# Labels that Prometheus adds to everything it scrapes.
TARGET_LABELS = {"instance", "job", "role"}
OPERATORS = {"and", "or", "unless", "bool"}
SUFFIXES = ("_bucket", "_sum", "_count")
GRID_COLUMNS = 24


def in_code() -> set[str]:
    """Every literal that can be a metric's name, in the sources that define metrics."""
    names: set[str] = set()
    for source in ROOT.glob("*/**/src/**/*.rs"):
        if "target" in source.relative_to(ROOT).parts:
            continue
        text = source.read_text()
        if "prometheus" in text or source.parent.name == "metrics":
            names |= set(re.findall(r'"([a-z][a-z0-9]*(?:_[a-z0-9]+)+)"', text))
    return names


def used(expression: str) -> set[str]:
    """The metrics that a PromQL expression reads."""
    text = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", re.sub(r'"[^"]*"', '""', expression))
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", text)
    return {word for word in words if word not in OPERATORS and not re.match(r"^e\d*$", word)}


def exported(files: list[str]) -> dict[str, set[str]]:
    """The labels of every metric that some node exports."""
    labels: dict[str, set[str]] = {}
    for file in files:
        for line in Path(file).read_text().splitlines():
            if (series := re.match(r"([a-zA-Z_:][\w:]*)(\{.*\})? ", line)) is not None:
                names = re.findall(r'[{,](\w+)="', series[2] or "")
                labels.setdefault(series[1], set()).update(names)
    return labels


def wanted_labels(expression: str) -> set[str]:
    """The labels that a PromQL expression selects or groups by."""
    groups = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression)
    grouped = {label.strip() for group in groups for label in group.split(",") if label.strip()}
    return grouped | set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)", expression))


def check(where: object, expression: str, known: set[str], live: dict[str, set[str]]) -> None:
    names = used(expression)
    for name in names:
        base = next((name.removesuffix(s) for s in SUFFIXES if name.endswith(s)), name)
        if not {name, base} & (known | OTHERS):
            problem(where, f"no code defines the metric {name}")
        elif live and name not in live and not {name, base} & (OTHERS | EVENTS):
            problem(where, f"no node exports the metric {name}")
    if live and not names & (OTHERS | EVENTS):
        labels = TARGET_LABELS.union(*(live.get(name, set()) for name in names))
        for label in wanted_labels(expression) - labels:
            problem(where, f"none of its metrics has the label {label}")


def panels(dashboard: dict) -> list[dict]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def check_layout(path: Path, dashboard: dict) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(ids) != len(set(ids)):
        problem(path.name, "two panels have the same id")
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                if x >= GRID_COLUMNS or (x, y) in taken:
                    problem(
                        path.name,
                        f"panel {panel['title']!r} overlaps {taken.get((x, y), 'the edge')!r}",
                    )
                    return
                taken[x, y] = panel["title"]


def main() -> None:
    known, live = in_code(), exported(sys.argv[2:])
    if "http_requests_total" not in known:
        problem("metrics.py", "found no metrics in the code: have the sources moved?")
    alerts = OBSERVABILITY / "prometheus" / "alerts.yaml"
    for group in yaml.safe_load(alerts.read_text())["groups"]:
        for rule in group["rules"]:
            check(f"{alerts.name} {rule['alert']}", rule["expr"], known, live)
            for needed in ("summary", "action"):
                if needed not in rule["annotations"]:
                    problem(f"{alerts.name} {rule['alert']}", f"says no {needed}")

    sources = yaml.safe_load(
        (OBSERVABILITY / "grafana/provisioning/datasources/onsale.yaml").read_text()
    )
    uids = {source["uid"] for source in sources["datasources"]}
    rules, seen = [], {}
    for path in sorted((OBSERVABILITY / "grafana" / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text())
        if (other := seen.setdefault(dashboard["uid"], path.name)) != path.name:
            problem(path.name, f"has the uid of {other}")
        check_layout(path, dashboard)
        for panel in panels(dashboard):
            if panel["datasource"]["uid"] not in uids:
                problem(path.name, f"panel {panel['title']!r}: unknown data source")
            for target in panel["targets"]:
                check(f"{path.name} {panel['title']!r}", target["expr"], known, live)
                rules.append(
                    {
                        "record": f"dashboard:panel{panel['id']}_{target['refId']}",
                        "labels": {"dashboard": dashboard["uid"]},
                        "expr": target["expr"].replace("$__rate_interval", "1m"),
                    }
                )
    if not rules:
        problem("dashboards", "there are none")
    Path(sys.argv[1]).write_text(
        yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]})
    )
    finish()


main()
