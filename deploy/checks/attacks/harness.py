"""The server under attack, a well-behaved client, and what is measured meanwhile."""

import threading
import time

from .attacker import Attacker, get, in_parallel, post_head
from .buyers import Steady, quantile
from .server import RefusedError, Server, general

__all__ = [
    "P99_MAX_MS",
    "RSS_MAX_MIB",
    "Attacker",
    "RefusedError",
    "Server",
    "Steady",
    "Watch",
    "general",
    "get",
    "in_parallel",
    "post_head",
    "quantile",
]

# The most memory that `dev` may use under any attack.
RSS_MAX_MIB = 1024
# The longest that 99 % of the sales may take. Reported; asserted in the long form.
P99_MAX_MS = 50
SAMPLE_EVERY_S = 0.1


class Watch:
    """Samples memory and descriptors while an attack runs."""

    def __init__(self, server):
        self.server = server
        self.rss_max_mib, self.descriptors_max = server.rss_mib(), 0
        self.rss_before_mib = self.rss_max_mib
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.stop.is_set():
            self.rss_max_mib = max(self.rss_max_mib, self.server.rss_mib())
            self.descriptors_max = max(self.descriptors_max, self.server.descriptors_open())
            if self.rss_max_mib > 6 * RSS_MAX_MIB:
                # The machine has to live on.
                self.server.child.kill()
                return
            time.sleep(SAMPLE_EVERY_S)

    def end(self):
        self.stop.set()
        self.thread.join()
