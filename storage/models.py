"""Bytes: blobs known by their hash, and the assets of an organization that name them."""

from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Organization
from core.models import UUIDv7


class Blob(models.Model):
    """One object in the bucket, stored once inside an organization however many assets name it.

    The row comes before the object, so that no object is ever unknown: promised while its bytes are on their way,
    living once an asset names it, dying from the moment none does any more. No asset may name a dying blob; the
    sweep deletes its object, then the row. `references` is the number of assets that name it.
    """

    class State(models.TextChoices):
        PROMISED = "promised"
        LIVING = "living"
        DYING = "dying"

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="blobs")
    state = models.CharField(max_length=16, choices=State.choices, default=State.PROMISED)
    sha256 = models.BinaryField(max_length=32)
    size_bytes = models.BigIntegerField()
    content_type = models.CharField(max_length=100)
    object_key = models.CharField(max_length=200, unique=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    references = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "sha256"], condition=Q(state="living"), name="blob_living_once"
            ),
            models.CheckConstraint(condition=Q(size_bytes__gte=0), name="blob_size_not_negative"),
            models.CheckConstraint(
                condition=Q(state="living", references__gt=0) | Q(state__in=("promised", "dying"), references=0),
                name="blob_lives_while_named",
            ),
        ]
        indexes = [
            # The sweep: what to delete, and promises that nobody kept.
            models.Index(fields=["state", "created_at"], condition=~Q(state="living"), name="blob_to_sweep"),
        ]

    def __str__(self) -> str:
        return self.object_key


class AssetQuerySet(models.QuerySet["Asset"]):
    def for_organization(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def readable(self) -> Self:
        """Ready, not deleted and not past its expiry, which is checked here and only later swept."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), status=Asset.Status.READY, deleted_at=None)


class Asset(models.Model):
    """A picture, sound or document that an organization uploaded or a job of its made. Its bytes never change.

    An output is pending from the moment it is stored until its job settles; an upload is ready at once. Deleting
    keeps the row and lets go of the bytes.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        READY = "ready"
        REJECTED = "rejected"

    class Kind(models.TextChoices):
        IMAGE = "image"
        AUDIO = "audio"
        JSON = "json"
        TEXT = "text"

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="assets")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="assets")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="assets")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    filename = models.CharField(max_length=200, blank=True)
    # Where it came from: output number `job_index` of a job, or an upload when both are null.
    job_id = models.UUIDField(null=True)
    job_index = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = AssetQuerySet.as_manager()

    class Meta:
        constraints = [
            # An attempt that is resumed stores each output once.
            models.UniqueConstraint(
                fields=["job_id", "job_index"], condition=Q(deleted_at=None), name="asset_output_once"
            ),
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=False, blob=None)
                | Q(deleted_at=None) & (Q(blob__isnull=False) | ~Q(status="ready")),
                name="asset_has_bytes_until_deleted",
            ),
        ]
        indexes = [
            # The library: newest first inside an organization.
            models.Index(fields=["organization", "-id"], condition=Q(deleted_at=None), name="asset_library"),
            # The sweep: outputs of jobs that never settled, and assets past their expiry.
            models.Index(fields=["created_at"], condition=Q(status="pending"), name="asset_pending"),
            models.Index(
                fields=["expires_at"], condition=Q(expires_at__isnull=False, deleted_at=None), name="asset_expiring"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
