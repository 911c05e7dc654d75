"""Files that last as long as the work on them: a folder for each process, and the end of those that dead ones left.

A process that is killed takes nothing away with it. Each holds a lock on its folder for as long as it lives, so the
next one that starts on the machine knows which folders nobody needs any more.
"""

import fcntl
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from django.conf import settings

_PREFIX = "media-scratch-"


@cache
def folder() -> Path:
    """This process's folder below SPOOL_DIR, readable by its user alone; forked children share it.

    The first call takes away the folders of dead processes of the same user.
    """
    parent = Path(settings.SPOOL_DIR or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        # Never closed: the lock ends with the process, and with the children it forked.
        _lock(path, wait=True)
        # Before it was locked another process could take it for a dead one's.
        if path.exists():
            return path


def _sweep(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            if path.lstat().st_uid != os.getuid():
                continue
            lock = _lock(path, wait=False)
        except OSError:
            # Somebody works there, or took it away meanwhile.
            continue
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _lock(path: Path, *, wait: bool) -> int:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(directory)
        raise
    return directory
