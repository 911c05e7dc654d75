"""The work: jobs, the attempts at them, the events that tell of them, and the providers' pace."""

from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import ApiKey, Organization
from core.models import UUIDv7


class Status(models.TextChoices):
    """The six statuses, in code, API, events and admin."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Stage(models.TextChoices):
    """Where a running job is; empty in every other status. All but `storing` hold places at the provider."""

    SUBMITTING = "submitting"
    WAITING = "waiting"
    STORING = "storing"
    RECONCILING = "reconciling"


TERMINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED)
# Every move is an UPDATE guarded by the status it leaves, in sql/ or jobs.py, with a JobEvent beside it.
# Running goes back to queued when an attempt failed and may be tried again.
MOVES: dict[Status, tuple[Status, ...]] = {
    Status.QUEUED: (Status.RUNNING, Status.CANCELED, Status.EXPIRED, Status.FAILED),
    Status.RUNNING: (Status.QUEUED, *TERMINAL),
}


class JobQuerySet(models.QuerySet["Job"]):
    def for_organization(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def live(self) -> Self:
        return self.filter(status__in=(Status.QUEUED, Status.RUNNING))


class Job(models.Model):
    """What a customer asked for, priced and held at admission. The row is the queue: rings only point at it."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="jobs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="jobs")
    operation = models.CharField(max_length=40)
    model = models.CharField(max_length=80)
    provider = models.CharField(max_length=40)
    # As validated by the operation's schema. Media are named by asset id, never carried.
    input = models.JSONField()
    metadata = models.JSONField(default=dict, blank=True)

    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    stage = models.CharField(max_length=16, choices=Stage.choices, blank=True, default="")
    progress = models.PositiveSmallIntegerField(default=0)
    # Number of the last JobEvent.
    seq = models.PositiveIntegerField(default=0)

    # Frozen at admission: what a unit sells for and costs, under which price version.
    unit = models.CharField(max_length=24)
    quantity = models.PositiveIntegerField()
    unit_credits = models.BigIntegerField()
    unit_cost_micro_usd = models.BigIntegerField()
    price_version = models.PositiveIntegerField()
    held_credits = models.BigIntegerField()
    charged_credits = models.BigIntegerField(null=True)

    # Claiming: the places it takes at the provider, who goes first, and not before when.
    places = models.PositiveSmallIntegerField(default=1)
    priority = models.SmallIntegerField(default=0)
    is_ready = models.BooleanField(default=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    attempts_made = models.PositiveSmallIntegerField(default=0)

    output_text = models.JSONField(default=list)
    output_data = models.JSONField(default=dict)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_detail = models.TextField(blank=True, default="")
    error_retryable = models.BooleanField(default=False)

    retry_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="retries")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    start_deadline_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    trace_id = models.CharField(max_length=32, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="job_status_known"),
            models.CheckConstraint(
                condition=Q(status="running", stage__in=Stage.values) | (~Q(status="running") & Q(stage="")),
                name="job_stage_only_while_running",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("queued", "running"), finished_at=None, charged_credits=None)
                | (~Q(status__in=("queued", "running")) & Q(finished_at__isnull=False, charged_credits__isnull=False)),
                name="job_settled_when_finished",
            ),
            models.CheckConstraint(
                condition=Q(charged_credits=None) | Q(charged_credits__gte=0, charged_credits__lte=F("held_credits")),
                name="job_charge_within_hold",
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="job_progress_percent"),
        ]
        indexes = [
            # The claim's loose scan: organizations, models and users in turn, then priority and age.
            models.Index(
                "provider",
                "organization",
                "model",
                "user",
                F("priority").desc(),
                "id",
                condition=Q(status="queued", is_ready=True),
                name="job_claimable",
            ),
            # Places in use, counted at each claim.
            models.Index(
                fields=["provider", "model", "organization", "user"],
                include=["places"],
                condition=Q(status="running") & ~Q(stage="storing"),
                name="job_holding_places",
            ),
            # Back-offs that are over.
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="queued", is_ready=False), name="job_backing_off"
            ),
            # Deadlines that have passed, among the few jobs that live.
            models.Index(
                fields=["start_deadline_at"],
                condition=Q(status="queued", start_deadline_at__isnull=False),
                name="job_start_deadline",
            ),
            models.Index(
                fields=["deadline_at"],
                condition=Q(status__in=("queued", "running"), deadline_at__isnull=False),
                name="job_deadline",
            ),
            # The runners' watch for running jobs that are to stop.
            models.Index(
                fields=["cancel_requested_at"],
                condition=Q(status="running", cancel_requested_at__isnull=False),
                name="job_cancel_requested",
            ),
            # An organization's list, newest first (ids are time-ordered); its queue bound counts the second.
            models.Index(fields=["organization", "-id"], name="job_list"),
            models.Index(fields=["organization"], condition=Q(status="queued"), name="job_queued"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.id}"

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL


class Attempt(models.Model):
    """One try of a job at a provider, written down before and after each outside step.

    A process holds it by `token` until `lease_until`; every later write carries the token and stops on 0 rows.
    The intent (`intent_at`, `send_before`) is committed before the paid call, `task_id` as soon as it is known.
    """

    class Step(models.TextChoices):
        CLAIMED = "claimed"  # nothing was sent yet
        SUBMITTING = "submitting"  # the intent is written; the call may be on its way
        WAITING = "waiting"  # the provider accepted and named its task
        STORING = "storing"  # the outputs are known and go to the bucket
        ENDED = "ended"

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELED = "canceled"

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=80)
    step = models.CharField(max_length=16, choices=Step.choices, default=Step.CLAIMED)
    worker = models.CharField(max_length=120)
    token = models.PositiveIntegerField(default=1)
    lease_until = models.DateTimeField(null=True)
    crashes = models.PositiveSmallIntegerField(default=0)
    intent_at = models.DateTimeField(null=True)
    send_before = models.DateTimeField(null=True)
    task_id = models.CharField(max_length=200, blank=True, default="")
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True, default="")
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_detail = models.TextField(blank=True, default="")
    billed = models.CharField(max_length=8, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    submitted_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once"),
            models.UniqueConstraint(fields=["job"], condition=~Q(step="ended"), name="attempt_open_once"),
            models.CheckConstraint(
                condition=Q(step="ended", ended_at__isnull=False, lease_until=None)
                | (~Q(step="ended") & Q(ended_at=None, lease_until__isnull=False)),
                name="attempt_leased_until_ended",
            ),
        ]
        indexes = [
            # Leases to renew (by worker) and leases that ran out.
            models.Index(fields=["lease_until"], condition=~Q(step="ended"), name="attempt_leased"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.job_id}"


class JobEvent(models.Model):
    """One recorded change of a job, numbered 1, 2, 3 …; `body` is the JSON that every carrier sends, byte by byte.

    Written in the change's own transaction by the SQL function generation_add_event; never changed.
    """

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="events")
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=24)
    body = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "seq"], name="job_event_seq_once")]

    def __str__(self) -> str:
        return f"{self.type} {self.seq}"


class ProviderState(models.Model):
    """How much of a provider all processes together may use: places at once, submits per minute, or nothing.

    `pace` recovers additively towards `pace_per_minute` after a 429 lowered it. `tokens` are the submits that may
    go out now; both are advanced under the claim's lock. Staff set the caps; the claim and attempts move the rest.
    """

    provider = models.CharField(max_length=40, primary_key=True)
    places = models.PositiveIntegerField(default=1_000)
    is_paused = models.BooleanField(default=False)
    pace_per_minute = models.PositiveIntegerField(default=60_000)
    pace = models.FloatField(default=60_000)
    tokens = models.FloatField(default=0)
    paced_at = models.DateTimeField(db_default=Now())
    # Answers that failed in a row; so many open the circuit (generation.dispatch).
    failures = models.PositiveIntegerField(default=0, db_default=0)
    # No submit before this instant: a provider's Retry-After, or its open circuit.
    resumes_at = models.DateTimeField(null=True, blank=True)
    slowed_at = models.DateTimeField(null=True, blank=True)

    # So many failures in a row open the circuit.
    OPEN_AFTER = 5

    @property
    def is_healthy(self) -> bool:
        """Whether its jobs start as they come: neither paused by staff nor out of order."""
        return not self.is_paused and self.failures < self.OPEN_AFTER

    def __str__(self) -> str:
        return self.provider


class ModelState(models.Model):
    """Whether a model is offered, and how many of its places may be taken at once."""

    model = models.CharField(max_length=80, primary_key=True)
    provider = models.ForeignKey(ProviderState, on_delete=models.CASCADE, related_name="models")
    places = models.PositiveIntegerField(default=1_000)
    is_enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.model
