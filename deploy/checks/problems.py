"""Reporting of the checks: every problem on its own line, exit 1 if there is any."""

import sys

_found: list[str] = []


def problem(where: object, what: str) -> None:
    """Notes a problem; checking continues."""
    _found.append(f"{where}: {what}")


def finish() -> None:
    """Prints what was found and ends the process."""
    for line in _found:
        print(line, file=sys.stderr)
    sys.exit(1 if _found else 0)
