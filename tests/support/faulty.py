# SPDX-License-Identifier: Apache-2.0
"""Orders to faulty.c, which is preloaded into a proxy: allocations fail by number, system calls by rate.

    machine = faulty.Machine(folder)
    proxy = harness.Proxy(folder, env=machine.environment())
    machine.rates(recv=0.01, short_in=1.0)
"""
import mmap
import os
import pathlib
import struct

import harness

LIBRARY = os.environ.get("SIGV4_FAULTY", str(pathlib.Path(harness.BINARY).parent / "libfaulty.so"))
CALLS = ("socket", "connect", "accept", "recv", "send", "sendto", "recvfrom", "write", "read", "open", "epoll_ctl",
         "getaddrinfo", "short_in", "short_out")
WORDS = ("fail_at", "fails_on", "count", "failed", "live_bytes", "live_blocks", "dice")
NAMES = {name: 8 * i for i, name in enumerate(
    [*WORDS, *("rate_" + c for c in CALLS), *("hits_" + c for c in CALLS)])}


class Machine:
    """The memory that a proxy and its test share."""

    def __init__(self, folder, name="faulty"):
        self.path = pathlib.Path(folder) / name
        self.path.write_bytes(bytes(4096))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)

    def environment(self):
        extra = {"LD_PRELOAD": LIBRARY, "FAULTY": str(self.path)}
        if harness.SANITIZER.startswith("address"):
            extra["ASAN_OPTIONS"] = harness.base_environment("/")["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
        return extra

    def __getitem__(self, name):
        return struct.unpack_from("<Q", self.map, NAMES[name])[0]

    def __setitem__(self, name, value):
        struct.pack_into("<Q", self.map, NAMES[name], value)

    def rates(self, seed=None, **rates):
        """How often calls fail from now on, of 1; those not named do not."""
        if seed is not None:
            self["dice"] = seed
        for name in CALLS:
            self["rate_" + name] = round(rates.get(name, 0) * 1_000_000)

    def hits(self):
        """How often each call was made to fail."""
        return {name: self["hits_" + name] for name in CALLS}

    def fail(self, number, and_all_later=False):
        """The allocation of that number, counted from now, fails."""
        self["fail_at"] = 0
        self["failed"] = 0
        self["fails_on"] = int(and_all_later)
        self["count"] = 0
        self["fail_at"] = number

    def relent(self):
        """No allocation fails any more; how many did, and how many there were."""
        self["fail_at"] = 0
        return self["failed"], self["count"]
