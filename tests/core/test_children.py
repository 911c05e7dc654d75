"""Children: calls come back or fail in a known way, within memory, time and secrecy."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from core import children
from core.children import ChildFailed
from storage.inspection import Bounds, inspect
from tests.core import in_child

MIB = 1024**2
SCRIPT = """
import os, sys
from django.conf import settings
settings.configure(BASE_DIR={folder!r}, CHILD_PROCESSES=1, CHILD_TIMEOUT_SECONDS=20, CHILD_MEMORY_BYTES=2**30)
from core import children
print(children.run(os.getpid), flush=True)
{then}
"""


def test_a_call_comes_back_with_its_result_or_its_error():
    assert children.run(json.loads, '{"a": [1]}') == {"a": [1]}
    with pytest.raises(ZeroDivisionError):
        children.run(divmod, 1, 0)


async def test_the_event_loop_goes_on_while_a_child_works():
    # given
    call = asyncio.create_task(children.arun(time.sleep, 0.3))

    # when
    ticks = 0
    while not call.done():
        await asyncio.sleep(0.01)
        ticks += 1

    # then
    assert ticks > 5


@pytest.mark.parametrize(
    ("function", "argument", "reason"),
    [
        (time.sleep, 30, "timeout"),
        (bytearray, 64 * 1024 * MIB, "memory"),
        (os._exit, 3, "crash"),
        (signal.raise_signal, signal.SIGSEGV, "crash"),
    ],
    ids=["slow", "greedy", "exits", "crashes"],
)
def test_a_call_that_misbehaves_fails_and_the_next_one_works(function, argument, reason):
    started = time.monotonic()

    with pytest.raises(ChildFailed) as failure:
        children.run(function, argument, timeout=0.5)

    assert failure.value.reason == reason
    assert time.monotonic() - started < 5
    assert children.run(abs, -1) == 1


def test_a_child_that_burns_its_cpu_is_stopped_by_the_kernel():
    """Also when its parent can no longer kill it: the limit is the child's own."""
    soft, hard, used = children.run(in_child.cpu_limit, timeout=7)

    assert used + 7 <= soft <= used + 10
    assert hard == -1


def test_a_child_knows_no_secret_and_neither_django_nor_us():
    environment, modules = children.run(in_child.surroundings)

    assert "SECRET_KEY" not in environment
    assert not {"DATABASE_URL", "S3_SECRET_KEY", "REDIS_URL"} & set(environment)
    assert not {"django", "config", "tests.conftest", "pytest"} & set(modules)


def test_a_child_that_decoded_pictures_is_small(tmp_path):
    # given: new children, since those of other tests have drawn larger things
    children._close()
    path = tmp_path / "picture.png"
    Image.new("RGB", (1_000, 1_000)).save(path)

    # when
    bounds = Bounds(max_pixels=10**7, max_side=10**4)
    pids = {children.run(in_child.pid_after, inspect, path, "image", bounds) for _ in range(4)}

    # then
    assert max(_resident_bytes(pid) for pid in pids) < 40 * MIB


def test_calls_from_many_threads_share_a_few_children():
    # given
    pids = []
    threads = [threading.Thread(target=lambda: pids.append(children.run(os.getpid))) for _ in range(30)]

    # when
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # then
    assert len(pids) == 30
    assert len(set(pids)) <= settings.CHILD_PROCESSES


def test_a_call_costs_about_a_millisecond():
    children.run(abs, -1)
    started = time.perf_counter()

    for _ in range(200):
        children.run(abs, -1)

    assert (time.perf_counter() - started) / 200 < 0.01


@pytest.mark.parametrize(
    "then", ["os.kill(os.getpid(), 9)", "sys.exit()", "os._exit(0)"], ids=["killed", "ends", "exits"]
)
def test_no_child_survives_its_parent(then):
    # given
    answer = _run_script(then)

    # then
    assert _is_gone(int(answer))


def test_a_forked_process_has_children_of_its_own():
    """A prefork worker: what the parent started is not shared, and daemonic processes may have children."""
    then = """
ours = children.run(os.getpid)
pid = os.fork()
if pid == 0:
    print(children.run(os.getpid) != ours, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""
    assert _run_script(then).split()[-1] == "True"


def _run_script(then):
    script = SCRIPT.format(then=then, folder=str(settings.BASE_DIR))
    command = [sys.executable, "-W", "ignore", "-c", script]
    return subprocess.run(
        command, check=False, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60
    ).stdout


def _resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _is_gone(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
