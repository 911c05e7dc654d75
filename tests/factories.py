"""One factory per model: each builds a valid row and takes only what the test is about.

Money moves only in usage.ledger: a wallet with credits comes from the `funded` fixture, not from here.
"""

import hashlib
import uuid
from datetime import timedelta
from functools import cache

import factory
from django.contrib.auth.hashers import make_password
from factory import LazyAttribute, LazyFunction, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from accounts.models import ApiKey, AuditEntry, Invitation, Membership, Organization, Role, SocketTicket, User
from billing.models import Plan, PlanMembership
from core import clock
from core.models import IdempotencyRecord
from generation.models import Attempt, Job, JobEvent, ModelState, ProviderState, Stage, Status
from storage.models import Archive, Asset, Blob, Collection, CollectionEntry, Favourite, Rendition, Upload
from usage.models import Ban, Entitlement, Grant, Hold, LedgerEntry, Price, UsageRecord, Wallet

PASSWORD = "correct horse battery"


@cache
def _hashed_password():
    """The hash takes half a second by design, so a run makes it once."""
    return make_password(PASSWORD)


def _random_sha256():
    return hashlib.sha256(uuid.uuid4().bytes).digest()


def _soon():
    return clock.now() + timedelta(days=1)


def _member_of_organization(row):
    return MembershipFactory(organization=row.organization).user


# --- core ------------------------------------------------------------------------------------------------------------
class IdempotencyRecordFactory(DjangoModelFactory):
    class Meta:
        model = IdempotencyRecord

    organization_id = LazyFunction(uuid.uuid4)
    route = "jobs"
    key = Sequence("key-{}".format)
    body_sha256 = LazyFunction(_random_sha256)
    status_code = 202
    resource_id = LazyFunction(uuid.uuid4)


# --- accounts --------------------------------------------------------------------------------------------------------
class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = LazyFunction(lambda: f"{uuid.uuid4().hex[:12]}@example.com")
    name = "Ada"
    password = LazyFunction(_hashed_password)


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = Organization

    name = Sequence("Organization {}".format)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    organization = SubFactory(OrganizationFactory)
    user = SubFactory(UserFactory)
    role = Role.MEMBER


class InvitationFactory(DjangoModelFactory):
    class Meta:
        model = Invitation

    organization = SubFactory(OrganizationFactory)
    email = LazyFunction(lambda: f"{uuid.uuid4().hex[:12]}@example.com")
    token_sha256 = LazyFunction(_random_sha256)
    invited_by = LazyAttribute(lambda row: MembershipFactory(organization=row.organization, role=Role.OWNER).user)
    expires_at = LazyFunction(_soon)


class ApiKeyFactory(DjangoModelFactory):
    """A row whose secret nobody knows; accounts.api_keys.issue makes one that works."""

    class Meta:
        model = ApiKey

    organization = SubFactory(OrganizationFactory)
    user = LazyAttribute(_member_of_organization)
    name = "backend"
    public_id = LazyFunction(lambda: uuid.uuid4().hex[:8])
    secret_sha256 = LazyFunction(_random_sha256)


class SocketTicketFactory(DjangoModelFactory):
    class Meta:
        model = SocketTicket

    organization = SubFactory(OrganizationFactory)
    user = LazyAttribute(_member_of_organization)
    token_sha256 = LazyFunction(_random_sha256)
    expires_at = LazyFunction(lambda: clock.now() + timedelta(seconds=30))


class AuditEntryFactory(DjangoModelFactory):
    class Meta:
        model = AuditEntry

    actor = SubFactory(UserFactory)
    organization = SubFactory(OrganizationFactory)
    action = "limit.changed"
    reason = "asked for by e-mail"


# --- usage -----------------------------------------------------------------------------------------------------------
class EntitlementFactory(DjangoModelFactory):
    class Meta:
        model = Entitlement

    organization = SubFactory(OrganizationFactory)


class WalletFactory(DjangoModelFactory):
    """An empty wallet, as a new organization has it."""

    class Meta:
        model = Wallet

    organization = SubFactory(OrganizationFactory)


class GrantFactory(DjangoModelFactory):
    class Meta:
        model = Grant

    wallet = SubFactory(WalletFactory)
    kind = Grant.Kind.TOPUP
    priority = 20
    credits = 1_000
    remaining = LazyAttribute(lambda row: row.credits)
    reference = LazyFunction(lambda: f"test:{uuid.uuid4()}")


class HoldFactory(DjangoModelFactory):
    class Meta:
        model = Hold

    wallet = SubFactory(WalletFactory)
    reference = LazyFunction(lambda: f"job:{uuid.uuid4()}")
    credits = 40
    lots = LazyAttribute(lambda row: {str(uuid.uuid4()): row.credits})


class LedgerEntryFactory(DjangoModelFactory):
    class Meta:
        model = LedgerEntry

    wallet = SubFactory(WalletFactory)
    kind = LedgerEntry.Kind.GRANT
    reference = LazyFunction(lambda: f"grant:{uuid.uuid4()}")
    available = 1_000
    outside = LazyAttribute(lambda row: -row.available)
    available_after = LazyAttribute(lambda row: row.available)
    held_after = 0
    debt_after = 0


class PriceFactory(DjangoModelFactory):
    class Meta:
        model = Price

    model = Sequence("test/model-{}".format)
    operation = "generate"
    unit = "image"
    unit_credits = 40
    unit_cost_micro_usd = 20_000
    version = 1


class UsageRecordFactory(DjangoModelFactory):
    class Meta:
        model = UsageRecord

    organization = SubFactory(OrganizationFactory)
    user = LazyAttribute(_member_of_organization)
    job_id = LazyFunction(uuid.uuid4)
    attempt_id = LazyFunction(uuid.uuid4)
    provider = "sandbox"
    model = "sandbox/v1"
    operation = "generate"
    unit = "image"
    quantity = 1
    credits = 40
    cost_micro_usd = 20_000
    price_version = 1
    latency_ms = 1_200
    outcome = "succeeded"


class BanFactory(DjangoModelFactory):
    """A ban of an organization; `organization=None, user=...` bans a user."""

    class Meta:
        model = Ban

    organization = SubFactory(OrganizationFactory)
    reason = "abuse"


# --- storage ---------------------------------------------------------------------------------------------------------
class BlobFactory(DjangoModelFactory):
    """A row; the bucket holds nothing under its key."""

    class Meta:
        model = Blob

    organization = SubFactory(OrganizationFactory)
    state = Blob.State.LIVING
    sha256 = LazyFunction(_random_sha256)
    size_bytes = 1_234
    content_type = "image/png"
    object_key = LazyFunction(lambda: f"{uuid.uuid4()}/{uuid.uuid4()}")
    width = 64
    height = 48
    references = 1


class AssetFactory(DjangoModelFactory):
    class Meta:
        model = Asset

    organization = SubFactory(OrganizationFactory)
    user = LazyAttribute(_member_of_organization)
    blob = SubFactory(BlobFactory, organization=factory.SelfAttribute("..organization"))
    kind = Asset.Kind.IMAGE
    status = Asset.Status.READY


class RenditionFactory(DjangoModelFactory):
    """A row; the bucket holds nothing under its key."""

    class Meta:
        model = Rendition

    blob = SubFactory(BlobFactory)
    variant = Sequence("webp-{}".format)
    state = Rendition.State.READY
    object_key = LazyFunction(lambda: f"renditions/{uuid.uuid4()}")
    content_type = "image/webp"
    sha256 = LazyFunction(_random_sha256)
    size_bytes = 345
    width = 32
    height = 24


class UploadFactory(DjangoModelFactory):
    """An open one; nothing has arrived."""

    class Meta:
        model = Upload

    organization = SubFactory(OrganizationFactory)
    user = LazyAttribute(_member_of_organization)
    kind = Asset.Kind.IMAGE
    content_type = "image/png"
    size_bytes = 1_234
    sha256 = LazyFunction(_random_sha256)
    expires_at = LazyFunction(lambda: clock.now() + timedelta(hours=24))


class ArchiveFactory(DjangoModelFactory):
    """Of no asset."""

    class Meta:
        model = Archive

    organization = SubFactory(OrganizationFactory)
    user = LazyAttribute(_member_of_organization)
    asset_ids = LazyFunction(list)
    expires_at = LazyFunction(_soon)


class CollectionFactory(DjangoModelFactory):
    class Meta:
        model = Collection

    organization = SubFactory(OrganizationFactory)
    user = LazyAttribute(_member_of_organization)
    title = Sequence("Collection {}".format)


class CollectionEntryFactory(DjangoModelFactory):
    class Meta:
        model = CollectionEntry

    collection = SubFactory(CollectionFactory)
    asset = SubFactory(AssetFactory, organization=factory.SelfAttribute("..collection.organization"))


class FavouriteFactory(DjangoModelFactory):
    class Meta:
        model = Favourite

    asset = SubFactory(AssetFactory)
    user = factory.SelfAttribute("asset.user")


# --- billing ---------------------------------------------------------------------------------------------------------
class PlanFactory(DjangoModelFactory):
    class Meta:
        model = Plan

    slug = Sequence("plan-{}".format)
    title = "Studio"
    monthly_credits = 10_000


class PlanMembershipFactory(DjangoModelFactory):
    class Meta:
        model = PlanMembership

    organization = SubFactory(OrganizationFactory)
    plan = SubFactory(PlanFactory)


# --- generation ------------------------------------------------------------------------------------------------------
class ProviderStateFactory(DjangoModelFactory):
    class Meta:
        model = ProviderState

    provider = Sequence("provider-{}".format)


class ModelStateFactory(DjangoModelFactory):
    class Meta:
        model = ModelState

    provider = SubFactory(ProviderStateFactory)
    model = LazyAttribute(lambda row: f"{row.provider.provider}/v1")


class JobFactory(DjangoModelFactory):
    """A queued job, or a `running`, `succeeded` or `failed` one; nothing is held for it and no event tells of it."""

    class Meta:
        model = Job

    class Params:
        running = Trait(status=Status.RUNNING, stage=Stage.WAITING, started_at=LazyFunction(clock.now))
        succeeded = Trait(
            status=Status.SUCCEEDED,
            charged_credits=LazyAttribute(lambda row: row.held_credits),
            finished_at=LazyFunction(clock.now),
        )
        failed = Trait(
            status=Status.FAILED,
            charged_credits=0,
            error_code="provider_error",
            finished_at=LazyFunction(clock.now),
        )

    organization = SubFactory(OrganizationFactory)
    user = LazyAttribute(_member_of_organization)
    operation = "generate"
    model = "sandbox/v1"
    provider = "sandbox"
    input = LazyFunction(lambda: {"prompt": "a lighthouse at dusk"})
    unit = "image"
    quantity = 1
    unit_credits = 40
    unit_cost_micro_usd = 20_000
    price_version = 1
    held_credits = LazyAttribute(lambda row: row.quantity * row.unit_credits)


class AttemptFactory(DjangoModelFactory):
    """The open attempt of a running job, leased for another 30 seconds."""

    class Meta:
        model = Attempt

    job = SubFactory(JobFactory, running=True)
    number = 1
    provider = LazyAttribute(lambda row: row.job.provider)
    model = LazyAttribute(lambda row: row.job.model)
    worker = "tests"
    lease_until = LazyFunction(lambda: clock.now() + timedelta(seconds=30))


class JobEventFactory(DjangoModelFactory):
    class Meta:
        model = JobEvent

    job = SubFactory(JobFactory)
    seq = 1
    type = "job.queued"
    body = LazyAttribute(lambda row: f'{{"jobId":"{row.job.pk}","seq":{row.seq},"type":"{row.type}"}}')
