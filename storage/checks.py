"""What is wrong with the settings of the bucket, told at start by Django's system checks."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from storage import delivery

_CHOICES = {
    "S3_INTEGRITY": ("sha256", "md5", "none"),
    "S3_CHECKSUM_MODE": ("when_required", "when_supported"),
    "S3_ADDRESSING_STYLE": ("path", "virtual", "auto"),
}


def check_bucket_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Words that nobody knows, and combinations that no store takes."""
    found: list[CheckMessage] = [
        Error(f"{name} is {getattr(settings, name)!r}.", hint=f"One of: {', '.join(choices)}.", id="storage.E001")
        for name, choices in _CHOICES.items()
        if getattr(settings, name) not in choices
    ]
    if bool(settings.S3_ACCESS_KEY) != bool(settings.S3_SECRET_KEY):
        hint = "Set both, or neither where the machine has a role of its own."
        found.append(Error("Only one of S3_ACCESS_KEY and S3_SECRET_KEY is set.", hint=hint, id="storage.E002"))
    if settings.S3_ENDPOINT_URL and settings.S3_CHECKSUM_MODE == "when_supported":
        hint = "S3_CHECKSUM_MODE=when_required, unless this is AWS under a name of its own."
        found.append(
            Warning("Many stores that are not AWS refuse checksums sent with everything.", hint=hint, id="storage.W001")
        )
    return found


def check_delivery(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Signers that nobody knows, or that lack what they sign with."""
    signer = settings.DELIVERY_SIGNER
    if signer not in delivery.SIGNERS:
        return [Error(f"DELIVERY_SIGNER must be one of {', '.join(sorted(delivery.SIGNERS))}.", id="storage.E010")]
    errors: list[CheckMessage] = []
    if signer != "s3" and not settings.CDN_BASE_URL:
        errors.append(Error(f"DELIVERY_SIGNER={signer} needs CDN_BASE_URL.", id="storage.E011"))
    if signer == "cloudfront":
        try:
            delivery.cloudfront_key()
        except ValueError as error:
            errors.append(Error(f"CLOUDFRONT_PRIVATE_KEY holds no RSA key: {error}", id="storage.E012"))
        if not settings.CLOUDFRONT_KEY_ID:
            errors.append(Error("DELIVERY_SIGNER=cloudfront needs CLOUDFRONT_KEY_ID.", id="storage.E013"))
    return errors
