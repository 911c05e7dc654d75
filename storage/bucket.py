"""The connection to the bucket: django-storages' S3 backend with our bounds on how long a call may take."""

from typing import Any, Literal, cast

from botocore.config import Config
from django.conf import settings
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):  # type: ignore[misc]  # django-storages has no annotations
    """`default_storage`: addressed and signed as STORAGES says; a store that hangs is given up on in time.

    Checksum trailers (botocore's default) break many S3-compatible stores: S3_CHECKSUM_MODE turns them on.
    """

    def get_default_settings(self) -> dict[str, Any]:
        checksums = cast(Literal["when_supported", "when_required"], settings.S3_CHECKSUM_MODE)
        config = Config(
            s3={"addressing_style": cast(Literal["auto", "path", "virtual"], settings.S3_ADDRESSING_STYLE)},
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 3, "mode": "standard"},
            max_pool_connections=32,
            request_checksum_calculation=checksums,
            response_checksum_validation=checksums,
        )
        defaults: dict[str, Any] = super().get_default_settings()
        return defaults | {"client_config": config}
