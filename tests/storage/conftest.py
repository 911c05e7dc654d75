"""What storage's tests share: a file of given bytes, and a look into the bucket."""

import uuid

import boto3
import pytest
from django.conf import settings

from tests.storage.fault_proxy import FaultProxy


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


@pytest.fixture
def own_bucket(settings, bucket):
    """A bucket that holds what this test puts there and nothing else."""
    settings.S3_BUCKET = f"own-{uuid.uuid4().hex}"
    bucket._client.create_bucket(Bucket=settings.S3_BUCKET)
    yield bucket
    bucket.empty()
    bucket._client.delete_bucket(Bucket=settings.S3_BUCKET)


@pytest.fixture
def faults(own_bucket, bucket_at):
    """A bucket of the test's own, which this process asks through a proxy that a script can break."""
    proxy = FaultProxy(settings.S3_ENDPOINT_URL)
    bucket_at(proxy.port)
    yield proxy
    proxy.close()


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

    def write(self, key, content):
        self._client.put_object(Bucket=settings.S3_BUCKET, Key=key, Body=content)

    def head(self, key):
        return self._client.head_object(Bucket=settings.S3_BUCKET, Key=key)

    def checksum(self, key):
        """The store's own SHA-256 of an object, in base64; of parts the hash of their hashes."""
        head = self._client.head_object(Bucket=settings.S3_BUCKET, Key=key, ChecksumMode="ENABLED")
        return head["ChecksumSHA256"]

    def keys(self):
        """All but renditions, which `media` may be drawing for an earlier test at any moment."""
        return {key for key in self.all_keys() if not key.startswith(("renditions/", "public/"))}

    def all_keys(self):
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=settings.S3_BUCKET)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    def put(self, key, content=b"x"):
        self._client.put_object(Bucket=settings.S3_BUCKET, Key=key, Body=content)

    def delete(self, key):
        self._client.delete_object(Bucket=settings.S3_BUCKET, Key=key)

    def begin_parts(self, key):
        """One part of an object that is not finished; the id it goes by."""
        begun = self._client.create_multipart_upload(Bucket=settings.S3_BUCKET, Key=key)["UploadId"]
        self._client.upload_part(Bucket=settings.S3_BUCKET, Key=key, UploadId=begun, PartNumber=1, Body=b"x")
        return begun

    def empty(self):
        for key in self.keys():
            self.delete(key)
        for begun in self.open_multiparts():
            self._client.abort_multipart_upload(Bucket=settings.S3_BUCKET, Key=begun["Key"], UploadId=begun["UploadId"])

    def open_multiparts(self):
        return self._client.list_multipart_uploads(Bucket=settings.S3_BUCKET).get("Uploads", [])
