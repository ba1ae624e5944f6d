"""The sockets of an attack, and what is sent on them."""

import socket
import threading
import time

from .server import CALL_TIMEOUT_S, RefusedError

# All of 127/8 is this machine: well-behaved clients come from many addresses, an attacker from one.
ATTACKER_ADDRESS = "127.66.6.6"


class Attacker:
    """Sockets of an attack and its duration."""

    def __init__(self, server, seconds):
        self.server = server
        self.end = time.monotonic() + seconds
        self.seconds = seconds
        self.sockets = []
        # Set when many addresses attack together: limits by address do not help then.
        self.is_spread = False
        self.turn = 0

    def is_on(self):
        return time.monotonic() < self.end and self.server.is_alive()

    def address(self):
        if not self.is_spread:
            return ATTACKER_ADDRESS
        self.turn += 1
        return f"127.67.{self.turn // 250 % 250}.{1 + self.turn % 250}"

    def connect(self, receive_bytes=None, timeout_s=2.0):
        """A connection, or None when the server accepts none."""
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(timeout_s)
        try:
            connection.bind((self.address(), 0))
            connection.connect(("127.0.0.1", self.server.port))
        except OSError:
            connection.close()
            return None
        return connection

    def keep(self, connection):
        if connection is not None:
            self.sockets.append(connection)
        return connection

    def send(self, connection, data):
        """False when the server does not accept it."""
        try:
            connection.sendall(data)
            return True
        except OSError:
            return False

    def answer(self, data, timeout_s=5.0):
        """Sends bytes on a new connection and returns the first bytes of the answer."""
        connection = self.connect(timeout_s=timeout_s)
        if connection is None:
            return b""
        with connection:
            self.send(connection, data)
            try:
                return connection.recv(65536)
            except OSError:
                return b""

    def rest(self, seconds):
        """Sleeps, at most to the end of the attack."""
        time.sleep(max(0.0, min(seconds, self.end - time.monotonic())))

    def close(self):
        for connection in self.sockets:
            connection.close()
        self.sockets.clear()


def get(path, token="", host="localhost"):
    """The bytes of a GET."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\n".encode()


def post_head(path, length, token=""):
    """The head of a POST whose body may follow."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n{bearer}\r\n"
    ).encode()


def in_parallel(attacker, count, work):
    """Runs work(number) in a number of threads repeatedly until the attack ends."""

    def loop(number):
        while attacker.is_on():
            try:
                work(number)
            except (OSError, ValueError, RefusedError):
                time.sleep(0.01)

    threads = [threading.Thread(target=loop, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(attacker.seconds + CALL_TIMEOUT_S)
