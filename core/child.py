"""What runs inside one limited child: take a call, make it, answer, until the parent goes away.

Started by core.children as `python -m core.child`, so neither Django nor the parent's main module is imported here.
"""

import math
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection


def serve(memory_bytes: int) -> None:
    """Answer calls that come in on stdin until it is closed, which also happens when the parent is killed."""
    calls = Connection(os.dup(0), writable=False)
    answers = Connection(os.dup(1), readable=False)
    # Whatever a decoder prints must not end up between two answers.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    # An interrupt is the parent's to handle: it lets this call end or kills it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    while True:
        try:
            call = calls.recv_bytes()
        except EOFError:
            return
        answers.send_bytes(_answer(call))


def _answer(call: bytes) -> bytes:
    """The pickled (result, error) of a pickled (callable, seconds of CPU)."""
    try:
        function, seconds = pickle.loads(call)  # noqa: S301 - from our parent alone
        _limit_cpu(seconds)
        return pickle.dumps((function(), None))
    except Exception as error:
        error.add_note(f"In the child:\n{traceback.format_exc()}")
        return _pickled_error(error)


def _pickled_error(error: Exception) -> bytes:
    try:
        pickled = pickle.dumps((None, error))
        pickle.loads(pickled)  # noqa: S301 - what we just wrote
    except Exception:
        # An error that cannot travel is told in words.
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
    return pickled


def _limit_cpu(seconds: float) -> None:
    """The kernel counts a process's whole life, so each call moves the limit that much further."""
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds) + 1, resource.RLIM_INFINITY))


if __name__ == "__main__":
    serve(memory_bytes=int(sys.argv[1]))
