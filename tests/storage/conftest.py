"""What storage's tests share: a file of given bytes, and a look into the bucket."""

import boto3
import pytest
from django.conf import settings


@pytest.fixture
def file(tmp_path):
    """A function that writes bytes to a file of its own and returns the path."""
    count = 0

    def write(content):
        nonlocal count
        count += 1
        path = tmp_path / f"file-{count}"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(scope="session")
def bucket():
    return Bucket()


class Bucket:
    """The bucket as somebody else's client sees it."""

    def __init__(self):
        self._client = boto3.client(
            "s3",
            endpoint_url=settings.S3_ENDPOINT_URL,
            aws_access_key_id=settings.S3_ACCESS_KEY,
            aws_secret_access_key=settings.S3_SECRET_KEY,
            region_name=settings.S3_REGION,
        )

    def read(self, key):
        """The bytes under a key, None where there is nothing."""
        try:
            return self._client.get_object(Bucket=settings.S3_BUCKET, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None

    def head(self, key):
        return self._client.head_object(Bucket=settings.S3_BUCKET, Key=key)

    def checksum(self, key):
        """The store's own SHA-256 of an object, in base64; of parts the hash of their hashes."""
        head = self._client.head_object(Bucket=settings.S3_BUCKET, Key=key, ChecksumMode="ENABLED")
        return head["ChecksumSHA256"]

    def keys(self):
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=settings.S3_BUCKET)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    def open_multiparts(self):
        return self._client.list_multipart_uploads(Bucket=settings.S3_BUCKET).get("Uploads", [])
