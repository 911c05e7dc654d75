"""Each worker stands on a corner of its own."""

import os

from django.conf import settings
from django.db import connection


def test_the_database_is_this_worker_s_copy(db):
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == (f"test_{os.environ['TEST_RUN']}_{worker}",)


def test_bucket_and_valkey_are_this_worker_s():
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")

    assert f"test-{os.environ['TEST_RUN']}-{worker}" == settings.S3_BUCKET
    assert settings.REDIS_URL.endswith("/0" if worker == "main" else f"/{int(worker[2:]) + 1}")
