"""Users and their organizations: how both come to be."""

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts import audit
from accounts.exceptions import TooManyOrganizations
from accounts.models import Membership, Organization, Role, User
from accounts.principal import Principal

MAX_OWNED = 20


def create_user_with_organization(
    email: str, password: str | None, *, name: str = "", organization_name: str = "", is_staff: bool = False
) -> tuple[User, Organization]:
    """A user whose address counts as verified, and their personal organization, in one transaction.

    For seeds and operators, who say themselves what it gets; people who sign up come through allauth's adapter.
    Raises IntegrityError when the address is taken.
    """
    with transaction.atomic():
        user = User.objects.create_user(email, password, name=name, is_staff=is_staff)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user, _create(_own_name(user, organization_name), user, is_personal=True)


def open_personal_organization(user: User, *, name: str = "") -> Organization:
    """The user's own organization, made when they have none. Call it in the transaction that makes the user."""
    own = Organization.objects.filter(is_personal=True, memberships__user=user, memberships__role=Role.OWNER).first()
    return own or _endowed(_create(_own_name(user, name), user, is_personal=True))


def create_organization(name: str, owner: User) -> Organization:
    """A shared organization. Raises TooManyOrganizations; locks the owner's row, so that theirs are counted in turn."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        if Membership.objects.filter(user=owner, role=Role.OWNER).count() >= MAX_OWNED:
            raise TooManyOrganizations(limit=MAX_OWNED)
        return _endowed(_create(name, owner, is_personal=False))


def rename(actor: Principal, name: str) -> None:
    """Give the actor's organization another name."""
    with transaction.atomic():
        Organization.objects.filter(pk=actor.organization_id).update(name=name)
        audit.record(
            "organization.renamed",
            actor_id=actor.user_id,
            organization_id=actor.organization_id,
            facts={"name": name},
        )


def _create(name: str, owner: User, *, is_personal: bool) -> Organization:
    organization = Organization.objects.create(name=name[:120], is_personal=is_personal)
    Membership.objects.create(organization=organization, user=owner, role=Role.OWNER)
    audit.record(
        "organization.created",
        actor_id=owner.pk,
        organization_id=organization.pk,
        facts={"name": organization.name, "isPersonal": is_personal},
    )
    return organization


def _endowed(organization: Organization) -> Organization:
    """The organization with what new ones start with: the business of an app above, which the settings name."""
    import_string(settings.ACCOUNTS_NEW_ORGANIZATION)(organization.pk)
    return organization


def _own_name(user: User, name: str) -> str:
    return name or user.name or user.email.partition("@")[0]
