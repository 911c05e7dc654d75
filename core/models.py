"""The one row that core owns, and the key that every row of ours is named by."""

from django.db import models
from django.db.models.functions import Now


class UUIDv7(models.Func):
    """Postgres's own time-ordered UUID: one clock for rows that SQL functions and the ORM insert."""

    function = "uuidv7"
    template = "%(function)s()"
    output_field = models.UUIDField()


class IdempotencyRecord(models.Model):
    """The caller's name for one submission, and the answer it got.

    Written in the transaction of the work it names, so that either both exist or neither does. Never changed;
    swept a day after it expires (pitfalls: the store must not grow without end).
    """

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization_id = models.UUIDField()
    route = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    body_sha256 = models.BinaryField(max_length=32)
    status_code = models.PositiveSmallIntegerField()
    # The row the first call created; the answer is rendered from it again, so no answer text is stored twice.
    resource_id = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "route", "key"], name="idempotency_key_once"),
        ]
        indexes = [
            # The daily sweep of old keys.
            models.Index(fields=["created_at"], name="idempotency_created"),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
