"""The bucket: what goes in comes out, whole or not at all, and a store that fails says so."""

import hashlib
import socket
import threading
import tracemalloc
import uuid

import pytest

from storage import object_store
from storage.exceptions import StoreUnavailable
from storage.object_store import PART_BYTES, ObjectMissing

MIB = 1024**2


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 20 * MIB + 7], ids=lambda size: f"{size} bytes")
def test_bytes_come_out_as_they_went_in(file, bucket, tmp_path, size):
    # given
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    key = f"test/{uuid.uuid4()}"

    # when
    put(file(content), key)
    object_store.download(key, tmp_path / "back")

    # then
    assert (tmp_path / "back").read_bytes() == content
    head = object_store.head(key)
    assert (head.size_bytes, head.content_type) == (size, "image/png")
    assert head.etag.startswith('"')
    assert bucket.head(key)["Metadata"] == {"sha256": hashlib.sha256(content).hexdigest()}


def test_a_put_that_is_repeated_changes_nothing(file, bucket):
    """Its first answer got lost: the object is there, and the condition on the second refuses to overwrite it."""
    key = f"test/{uuid.uuid4()}"
    put(file(b"first"), key)

    put(file(b"other"), key)

    assert bucket.read(key) == b"first"


def test_bytes_that_are_not_those_that_were_hashed_are_refused(file, bucket):
    key = f"test/{uuid.uuid4()}"

    with pytest.raises(StoreUnavailable):
        object_store.put_file(file(b"changed"), key, content_type="image/png", sha256=hashlib.sha256(b"was").digest())

    assert bucket.read(key) is None


def test_a_large_put_keeps_memory_constant(file):
    content = b"\0" * (64 * MIB)
    path, sha256 = file(content), hashlib.sha256(content).digest()
    del content
    tracemalloc.start()

    object_store.put_file(path, f"test/{uuid.uuid4()}", content_type="image/png", sha256=sha256)

    assert tracemalloc.get_traced_memory()[1] < 24 * MIB
    tracemalloc.stop()


@pytest.mark.parametrize("size", [1000, PART_BYTES + 1], ids=["one put", "parts"])
@pytest.mark.parametrize("integrity", ["sha256", "md5", "none"])
def test_bytes_arrive_whatever_a_store_checks_them_by(file, bucket, settings, integrity, size):
    settings.S3_INTEGRITY, settings.S3_CONDITIONAL_WRITES = integrity, False
    key = f"test/{uuid.uuid4()}"

    put(file(b"a" * size), key)
    put(file(b"b" * size), key)

    assert bucket.read(key) == b"b" * size


def test_what_is_missing_is_told_apart_from_a_store_that_fails(tmp_path):
    key = f"test/{uuid.uuid4()}"

    with pytest.raises(ObjectMissing):
        object_store.head(key)
    with pytest.raises(ObjectMissing):
        object_store.download(key, tmp_path / "file")
    object_store.delete(key)


@pytest.mark.parametrize("failure", ["refused", "dropped", "broken"])
def test_a_store_that_fails_is_unavailable_and_leaves_nothing(file, other_store, failure):
    # given
    other_store(failure)

    # when
    for attempt in (
        lambda: put(file(b"x"), "test/small"),
        lambda: put(file(b"x" * (PART_BYTES + 1)), "test/large"),
        lambda: object_store.head("test/small"),
        lambda: object_store.delete("test/small"),
        lambda: object_store.download("test/small", file(b"")),
    ):
        with pytest.raises(StoreUnavailable) as refusal:
            attempt()

        # then
        assert refusal.value.retry_after == 5


def test_one_client_serves_every_thread():
    object_store._made_client.cache_clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(object_store._client())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(client) for client in found}) == 1


def put(path, key):
    sha256 = hashlib.sha256(path.read_bytes()).digest()
    object_store.put_file(path, key, content_type="image/png", sha256=sha256)


@pytest.fixture
def other_store(bucket_at):
    """Point the object store at an address that refuses connections, drops them, or answers 500."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def serve(answer):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

    def point(failure):
        if failure == "refused":
            listener.close()
        else:
            answer = (
                b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" if failure == "broken" else b""
            )
            threading.Thread(target=serve, args=(answer,), daemon=True).start()
        bucket_at(port)

    yield point
    listener.close()
