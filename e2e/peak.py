"""How much memory a program took at its peak, and how much CPU."""

import os
import subprocess
import sys
from typing import NamedTuple

#: A process's peak counts what its parent had when it was forked, so a small one starts it; it writes to the descriptor that it is given.
START = """
import os, resource, subprocess, sys
code = next(filter(None, [subprocess.call(sys.argv[3:]) for _ in range(int(sys.argv[2]))]), 0)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(int(sys.argv[1]), f"{used.ru_maxrss} {used.ru_utime + used.ru_stime} {code}".encode())
"""


class Taken(NamedTuple):
    kib: int
    seconds: float
    code: int


def run(command, times=1, **options):
    """Runs a command to its end, so many times: the peak of any, the CPU seconds of all."""
    read, write = os.pipe()
    try:
        subprocess.run([sys.executable, "-I", "-S", "-c", START, str(write), str(times), *map(str, command)], pass_fds=[write], check=True, **options)
        kib, seconds, code = os.read(read, 1_000).split()
    finally:
        os.close(read)
        os.close(write)
    return Taken(int(kib), float(seconds), int(code))
