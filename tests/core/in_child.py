"""What test_children runs in a child: a module that imports neither Django nor pytest."""

import os
import resource
import sys
import time
from pathlib import Path


def cpu_limit():
    """The limits, and what this very child has used: the next call may go to another."""
    return *resource.getrlimit(resource.RLIMIT_CPU), time.process_time()


def surroundings():
    return dict(os.environ), list(sys.modules)


def pid_after(function, *args):
    function(*args)
    return os.getpid()


def memory_after(function, *args):
    """The most memory, in bytes, that this child ever held, having called the function."""
    function(*args)
    # The figure of getrusage is inherited from the parent.
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
