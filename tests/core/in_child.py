"""What test_children runs in a child: a module that imports neither Django nor pytest."""

import os
import resource
import sys
import time


def cpu_limit():
    """The limits, and what this very child has used: the next call may go to another."""
    return *resource.getrlimit(resource.RLIMIT_CPU), time.process_time()


def surroundings():
    return dict(os.environ), list(sys.modules)


def pid_after(function, *args):
    function(*args)
    return os.getpid()
