import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def no_attempts_yet():
    """Attempts to sign in are counted by address, and every test has the same one."""
    cache.clear()
