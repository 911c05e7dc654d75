"""Who may do what: the rights of each role, which a key's scopes can only narrow."""

from django.db.models import TextChoices

from accounts.models import Role


class Scope(TextChoices):
    """One right: a resource and a direction. The names that API keys carry."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    ASSETS_READ = "assets:read"
    ASSETS_WRITE = "assets:write"
    USAGE_READ = "usage:read"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    ACCOUNT_READ = "account:read"
    ACCOUNT_WRITE = "account:write"


# Keys and members are account:write too, and need one of these roles on top.
MANAGERS = frozenset({Role.OWNER, Role.ADMIN})

_ALL = frozenset[str](Scope.values)
_ACCOUNT = frozenset[str]({Scope.ACCOUNT_READ, Scope.ACCOUNT_WRITE})
RIGHTS: dict[Role, frozenset[str]] = {
    Role.OWNER: _ALL,
    Role.ADMIN: _ALL,
    Role.MEMBER: _ALL - {Scope.BILLING_WRITE},
    Role.BILLING: _ACCOUNT | {Scope.USAGE_READ, Scope.BILLING_READ, Scope.BILLING_WRITE},
}
