"""Bytes: blobs known by their hash, the assets of an organization that name them, and what helps to find those."""

from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from accounts.models import Organization
from core.models import UUIDv7

# What the library's search looks at, word by word in any language.
SEARCHED = SearchVector("prompt", "filename", config="simple")


class Blob(models.Model):
    """One object in the bucket, stored once inside an organization however many assets name it.

    The row comes before the object, so that no object is ever unknown: promised while its bytes are on their way,
    living once an asset names it, dying from the moment none does any more. No asset may name a dying blob; the
    sweep deletes its object, then the row. `references` is the number of assets that name it.

    What a promised blob says of its bytes is what was promised; the hash may come with them. `multipart_id` names the
    parts in the bucket from before they are sent until they are one object. Width and height are as shown.
    """

    class State(models.TextChoices):
        PROMISED = "promised"
        LIVING = "living"
        DYING = "dying"

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="blobs")
    state = models.CharField(max_length=16, choices=State.choices, default=State.PROMISED)
    sha256 = models.BinaryField(max_length=32, null=True)
    size_bytes = models.BigIntegerField()
    content_type = models.CharField(max_length=100)
    object_key = models.CharField(max_length=200, unique=True)
    multipart_id = models.CharField(max_length=300, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration_seconds = models.FloatField(null=True)
    channels = models.PositiveSmallIntegerField(null=True)
    # A thumbhash: some twenty bytes that a page draws a blurred picture from before the real one is there.
    placeholder = models.BinaryField(max_length=40, null=True)
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
            models.CheckConstraint(
                condition=Q(sha256__isnull=False) | ~Q(state="living"), name="blob_is_known_while_living"
            ),
        ]
        indexes = [
            # The sweep: what to delete, and promises that nobody kept.
            models.Index(fields=["state", "created_at"], condition=~Q(state="living"), name="blob_to_sweep"),
        ]

    def __str__(self) -> str:
        return self.object_key

    @property
    def sha256_hex(self) -> str:
        return bytes(self.sha256 or b"").hex()


class Rendition(models.Model):
    """Another form of a blob's picture: smaller, in another format or without what the file says beside the pixels.

    Made once, in `media`. As with blobs the row comes first and its object after; it goes with its blob. `variant` is
    one of storage.renditions.VARIANTS; objects of "public" lie where anybody may read them.
    """

    class State(models.TextChoices):
        PROMISED = "promised"
        READY = "ready"
        FAILED = "failed"
        DYING = "dying"

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="renditions")
    variant = models.CharField(max_length=20)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PROMISED)
    object_key = models.CharField(max_length=200, unique=True)
    content_type = models.CharField(max_length=100, blank=True)
    sha256 = models.BinaryField(max_length=32, null=True)
    size_bytes = models.BigIntegerField(null=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    # Since when somebody has been drawing it; null while nobody is.
    claimed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["blob", "variant"], condition=~Q(state="dying"), name="rendition_made_once"
            ),
        ]
        indexes = [
            # The sweep: what to delete, and promises that nobody kept.
            models.Index(
                fields=["state", "created_at"], condition=Q(state__in=("promised", "dying")), name="rendition_to_sweep"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.variant} of {self.blob_id}"


class AssetQuerySet(models.QuerySet["Asset"]):
    def for_organization(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def unexpired(self) -> Self:
        """Neither deleted nor past its expiry, which is checked here and only later swept."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), deleted_at=None)

    def seen_by(self, user_id: UUID) -> Self:
        """With `is_favourite` as this user has it."""
        return self.annotate(is_favourite=Exists(Favourite.objects.filter(asset=OuterRef("pk"), user_id=user_id)))

    def readable(self) -> Self:
        """Ready as well."""
        return self.unexpired().filter(status=Asset.Status.READY)

    def with_bytes(self) -> Self:
        """With what their JSON tells of them: the blob, its renditions and the upload they came by."""
        return self.select_related("blob", "upload").prefetch_related("blob__renditions")


class _AssetManager(models.Manager["Asset"]):
    """Leaves out what only Postgres looks at."""

    def get_queryset(self) -> models.QuerySet["Asset"]:
        return super().get_queryset().defer("search")


AssetManager = _AssetManager.from_queryset(AssetQuerySet)


class Asset(models.Model):
    """A picture, sound or document that an organization uploaded or a job of its made. Its bytes never change.

    An output is pending from the moment it is stored until its job settles, an upload until its bytes were looked at.
    Deleting keeps the row and lets go of the bytes, which a legal hold forbids.
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
    # Copied from the job, for the library's filters and search.
    operation = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=100, blank=True)
    prompt = models.TextField(blank=True)
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    favourite_of = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Favourite", related_name="favourite_assets"
    )
    is_public = models.BooleanField(default=False)
    legal_hold = models.BooleanField(default=False)
    # The name an old library had for it: an import that is run again takes nothing twice.
    import_key = models.CharField(max_length=200, null=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    # Stored, so that a search that walks through rows reads a vector where it would otherwise parse a text.
    search = models.GeneratedField(expression=SEARCHED, output_field=SearchVectorField(), db_persist=True)

    # Whether the reader starred it; AssetQuerySet.seen_by says whose eyes.
    is_favourite: ClassVar[bool] = False

    objects = AssetManager()

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
            models.CheckConstraint(
                condition=Q(legal_hold=False) | Q(deleted_at=None), name="asset_on_hold_is_not_deleted"
            ),
            models.UniqueConstraint(
                fields=["organization", "import_key"], condition=Q(deleted_at=None), name="asset_imported_once"
            ),
        ]
        indexes = [
            # The library: newest first inside an organization.
            models.Index(fields=["organization", "-id"], condition=Q(deleted_at=None), name="asset_library"),
            # Its filters, one or several at once, where they leave few of many (storage.library).
            GinIndex(
                fields=["organization", "kind", "model", "operation", "tags", "search"],
                condition=Q(deleted_at=None),
                name="asset_found",
            ),
            models.Index(
                fields=["organization", "-id"], condition=Q(deleted_at=None, job_id=None), name="asset_uploaded"
            ),
            models.Index(
                fields=["organization", "-id"], condition=Q(deleted_at=None, is_public=True), name="asset_public"
            ),
            # The sweep: outputs of jobs that never settled, and assets past their expiry.
            models.Index(fields=["created_at"], condition=Q(status="pending"), name="asset_pending"),
            models.Index(
                fields=["expires_at"], condition=Q(expires_at__isnull=False, deleted_at=None), name="asset_expiring"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Favourite(models.Model):
    """An asset that a user starred: theirs alone, whoever else sees the asset."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "asset"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.asset_id} of {self.user_id}"


class Collection(models.Model):
    """A named set of an organization's assets. Deleting it lets the assets be."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="collections")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=100)
    assets = models.ManyToManyField(Asset, through="CollectionEntry", related_name="collections")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "title"], name="collection_title_once"),
        ]

    def __str__(self) -> str:
        return self.title


class CollectionEntry(models.Model):
    """An asset in a collection."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="entries")
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="+")
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collection", "asset"], name="collection_entry_once")]

    def __str__(self) -> str:
        return f"{self.asset_id} in {self.collection_id}"


class Archive(models.Model):
    """What one link to a zip holds: the assets that were asked for, as long as the link lasts. Never changed."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="archives")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asset_ids = ArrayField(models.UUIDField())
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            # The sweep.
            models.Index(fields=["expires_at"], name="archive_expiring"),
        ]

    def __str__(self) -> str:
        return f"archive {self.id}"


class Upload(models.Model):
    """Bytes promised by a presigned address: what they are to be, and what became of them.

    Open until it is completed or `expires_at` has passed; then its asset is pending until the bytes were read back
    from the bucket, and ready or rejected after. `blob` holds the object meanwhile. `fault` is why it was rejected.
    """

    class State(models.TextChoices):
        OPEN = "open"
        CHECKING = "checking"
        READY = "ready"
        REJECTED = "rejected"
        ABANDONED = "abandoned"

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="uploads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    kind = models.CharField(max_length=16, choices=Asset.Kind.choices)
    filename = models.CharField(max_length=200, blank=True)
    content_type = models.CharField(max_length=100)
    size_bytes = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32, null=True)
    # 0: one PUT.
    part_bytes = models.BigIntegerField(default=0)
    blob = models.ForeignKey(Blob, on_delete=models.SET_NULL, null=True, related_name="+")
    asset = models.OneToOneField(Asset, on_delete=models.PROTECT, null=True, related_name="upload")
    fault = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="upload_promises_bytes"),
            models.CheckConstraint(
                condition=Q(state__in=("open", "abandoned"), asset=None)
                | Q(state__in=("checking", "ready", "rejected"), asset__isnull=False),
                name="upload_has_asset_once_completed",
            ),
        ]
        indexes = [
            # The sweep: what was never completed, and checks that were lost.
            models.Index(fields=["expires_at"], condition=Q(state__in=("open", "checking")), name="upload_unfinished"),
        ]

    def __str__(self) -> str:
        return f"upload {self.id}"
