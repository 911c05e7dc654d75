"""What processes that were killed left on the disk, and who takes it away."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

WORKS = """
import django, os, sys
django.setup()
from core import scratch
(scratch.folder() / "half").write_bytes(b"x")
if "fork" in sys.argv and not os.fork():
    sys.stdin.read()
    os._exit(0)
print(scratch.folder(), flush=True)
sys.stdin.read()
"""


@contextmanager
def working(spool, *arguments):
    """A process with a half-written file in its folder; killed at the end."""
    environment = os.environ | {"SPOOL_DIR": str(spool), "DJANGO_SETTINGS_MODULE": "config.settings"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WORKS, *arguments], env=environment, text=True, **pipes) as process:
        process.folder = Path(process.stdout.readline().strip())
        yield process
        process.send_signal(signal.SIGKILL)


def folders(spool):
    return set(spool.iterdir())


def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path):
    # given
    spool = tmp_path / "spool"
    with working(spool) as dead:
        pass
    assert folders(spool) == {dead.folder}

    # when, then
    with working(spool) as next_one:
        assert folders(spool) == {next_one.folder}


def test_what_is_worked_on_stays(tmp_path):
    with working(tmp_path) as first, working(tmp_path) as second:
        assert folders(tmp_path) == {first.folder, second.folder}
        assert first.folder.stat().st_mode & 0o777 == 0o700
        assert [path.name for path in first.folder.iterdir()] == ["half"]


def test_a_folder_lasts_as_long_as_the_last_child_that_was_forked(tmp_path):
    # given: a parent that dies before its child, which reads from the same pipe until that is closed
    with working(tmp_path, "fork") as parent:
        pipe = os.dup(parent.stdin.fileno())

    # when, then
    with working(tmp_path) as other:
        assert folders(tmp_path) == {parent.folder, other.folder}
    os.close(pipe)


def test_nothing_else_is_taken_away(tmp_path):
    # given
    (tmp_path / "media-scratch-link").symlink_to(tmp_path)
    (tmp_path / "somebody-else").mkdir()

    # when, then
    with working(tmp_path) as process:
        assert folders(tmp_path) == {process.folder, tmp_path / "media-scratch-link", tmp_path / "somebody-else"}
