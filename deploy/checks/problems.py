"""How the checks report: every problem on a line of its own, exit 1 when there is one."""

import sys

_found: list[str] = []


def problem(where: object, what: str) -> None:
    """Notes one; checking goes on."""
    _found.append(f"{where}: {what}")


def finish() -> None:
    """Prints what was found and ends the process."""
    for line in _found:
        print(line, file=sys.stderr)
    sys.exit(1 if _found else 0)
