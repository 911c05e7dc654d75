import pytest
from django.core.cache import cache

from accounts import attempts


@pytest.fixture
def no_valkey(settings):
    """Valkey at an address where nobody listens."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    attempts.client.cache_clear()
    yield
    attempts.client.cache_clear()
    attempts.breaker.succeeded()


def test_what_is_counted_is_shared_through_valkey():
    # when
    cache.set("hits", [1.5, 2], 60)

    # then
    [name] = attempts.client().keys("attempts:*")
    assert attempts.client().get(name) == b"[1.5, 2]"
    assert 59_000 < attempts.client().pttl(name) <= 60_000
    assert cache.get("hits") == [1.5, 2]
    assert cache.delete("hits")
    assert cache.get("hits", "gone") == "gone"


def test_of_two_who_add_one_does():
    assert cache.add("lock", True, 10) is True
    assert cache.add("lock", True, 10) is False
    assert cache.get("lock") is True


def test_without_valkey_the_process_counts_for_itself(no_valkey):
    assert cache.add("lock", True, 10) is True
    assert cache.add("lock", True, 10) is False
    cache.set("hits", [1])
    assert cache.get("hits") == [1]
    assert cache.delete("hits")
    assert cache.get("hits") is None


def test_what_json_cannot_carry_stays_in_memory():
    # when
    cache.set("thing", {1, 2})

    # then
    assert cache.get("thing") == {1, 2}
    assert attempts.client().keys("attempts:*") == []
