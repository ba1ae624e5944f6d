"""The compose file mounts only what the repository or secrets.sh provides; nodes have time to stop.

compose.py MODEL: the compose file as compose-go loaded it, in JSON.
"""

import json
import re
import sys
from pathlib import Path

from problems import finish, problem

DEPLOY = Path(__file__).resolve().parents[1]
FOLDER = DEPLOY / "compose"
# Paths of the machine, not of the repository.
MACHINE = Path("/var/lib/docker")


def seconds(duration: str) -> int:
    """Parses a duration as Go writes it, such as 1m0s."""
    parts = re.findall(r"(\d+)([hms])", duration)
    return sum(int(n) * {"h": 3600, "m": 60, "s": 1}[unit] for n, unit in parts)


def main() -> None:
    model = json.loads(Path(sys.argv[1]).read_text())
    drain = re.search(r"^drain_timeout_ms = (\d+)$", (DEPLOY / "onsale.toml").read_text(), re.M)
    made = set(
        re.findall(r"(?m)^(?:if .*; then )?make ([\w-]+)", (FOLDER / "secrets.sh").read_text())
    )
    used: set[str] = set()
    for name, service in model["services"].items():
        used |= {secret["source"] for secret in service.get("secrets", [])}
        for mount in service.get("volumes", []):
            source = Path(mount["source"])
            if (
                mount["type"] == "bind"
                and not source.is_relative_to(MACHINE)
                and not source.exists()
            ):
                problem(f"compose.yaml {name}", f"mounts {source}, which is not there")
        if "ONSALE_NODE__ID" in service.get("environment", {}):
            if seconds(service["stop_grace_period"]) * 1000 <= int(drain[1]):
                problem(f"compose.yaml {name}", "is killed before http.drain_timeout_ms is over")
            if not service["read_only"] or service["cap_drop"] != ["ALL"]:
                problem(f"compose.yaml {name}", "may do more than it needs")
    for name, config in model["configs"].items():
        if not Path(config["file"]).is_file():
            problem("compose.yaml", f"config {name}: {config['file']} is not there")
    for name, secret in model["secrets"].items():
        if Path(secret["file"]) != FOLDER / "secrets" / name or name not in made:
            problem("compose.yaml", f"secrets.sh makes no {name}")
    if used != set(model["secrets"]) or used != made:
        problem(
            "compose.yaml", f"secrets used {used}, defined {set(model['secrets'])}, made {made}"
        )
    finish()


main()
