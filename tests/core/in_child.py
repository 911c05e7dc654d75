"""What test_children runs in a child: a module that imports neither Django nor pytest."""

import os
import resource
import sys


def cpu_limit():
    return resource.getrlimit(resource.RLIMIT_CPU)


def surroundings():
    return dict(os.environ), list(sys.modules)


def pid_after(function, *args):
    function(*args)
    return os.getpid()
