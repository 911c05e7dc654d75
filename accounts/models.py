"""Who: users, organizations, memberships, invitations, API keys, socket tickets and the audit trail."""

import uuid
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from core.models import UUIDv7


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address. Staff reach the admin; customers act for organizations."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        # Stored in lower case, so that the plain unique index, which sign-in looks up by, knows no spellings.
        constraints = [models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower_case")]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def for_user(self, user_id: uuid.UUID) -> Self:
        """The open ones a user belongs to, each with the user's `role`."""
        mine = self.filter(closed_at__isnull=True, memberships__user_id=user_id)
        return mine.annotate(role=models.F("memberships__role"))


class Organization(models.Model):
    """Who pays and owns. Each user has a personal one; teams share others. Closed, never deleted."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    name = models.CharField(max_length=120)
    is_personal = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do: owners everything, admins all but ownership, billing money, members work."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    BILLING = "billing"


class Membership(models.Model):
    """One user's role in one organization; read on every request, so that a change acts at once."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} of {self.organization_id}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def pending(self) -> Self:
        """Neither taken, withdrawn nor late, by the database's clock."""
        return self.filter(accepted_at__isnull=True, expires_at__gt=Now())


class Invitation(models.Model):
    """An offer of a seat, bound to an e-mail address; single use, seven days; only a hash of its token is kept."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="sent_invitations")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.organization_id}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def living(self) -> Self:
        """Neither revoked nor expired, by the database's clock."""
        return self.filter(models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=Now()), revoked_at__isnull=True)


class ApiKey(models.Model):
    """A backend's credential. Looked up by its public id; only a hash of the secret is stored; shown once."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    # Whoever made the key; it acts in that person's name and dies with their membership.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    public_id = models.CharField(max_length=8, unique=True)
    secret_sha256 = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=32), default=list)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} (pk_live_{self.public_id}…)"


class SocketTicket(models.Model):
    """A one-use pass of 30 seconds for a WebSocket's first frame; deleted by the socket that takes it."""

    token_sha256 = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    # The key or the session that asked for the ticket: the socket may do what they may, and ends with them.
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, related_name="+")
    session_key = models.CharField(max_length=40, blank=True, db_default="")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ticket of {self.user_id}"


class AuditEntry(models.Model):
    """One act of a person on access or money: who, what, why. Only ever added."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    at = models.DateTimeField(db_default=Now())
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="audit_entries")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="audit_entries")
    action = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["organization", "-at"], name="audit_by_organization")]

    def __str__(self) -> str:
        return f"{self.action} at {self.at:%F %T}"
