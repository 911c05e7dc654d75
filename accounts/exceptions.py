"""The refusals of accounts."""

from core.exceptions import NotFound
from core.problems import Refusal


class RoleForbids(Refusal):
    """Your role in this organization does not allow this."""

    code = "role_forbids"


class InsufficientScope(Refusal):
    """This API key was not given the scope that this needs."""

    code = "insufficient_scope"


class NoOrganization(Refusal):
    """You belong to no organization."""

    code = "no_organization"


class LastOwner(Refusal):
    """An organization keeps at least one owner: make somebody else owner first."""

    code = "last_owner"


class AlreadyMember(Refusal):
    """This person is a member already."""

    code = "already_member"


class InvitationNotFound(NotFound):
    """There is no such invitation for you: it was used or withdrawn, has expired, or went to another address."""

    code = "invitation_not_found"


class TooManyInvitations(Refusal):
    """This organization has sent as many invitations as it may in a day."""

    code = "too_many_invitations"


class TooManyApiKeys(Refusal):
    """This organization has as many API keys as it may: revoke one first."""

    code = "too_many_api_keys"


class TooManyOrganizations(Refusal):
    """You own as many organizations as you may."""

    code = "too_many_organizations"
