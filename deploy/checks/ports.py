"""Ports for servers that a script starts."""

import socket


def free_port():
    """A free port whose successor is free too: that is the default of the operations listener."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
