"""The refusals of usage."""

from collections.abc import Mapping

from core.problems import Refusal


class InsufficientCredits(Refusal):
    """The wallet does not hold enough credits for this."""

    code = "insufficient_credits"


class InDebt(Refusal):
    """The wallet is in debt; credits that come in pay it first."""

    code = "in_debt"


class Banned(Refusal):
    """This account may start nothing at present."""

    code = "banned"


class OrganizationClosed(Refusal):
    """This organization is closed."""

    code = "organization_closed"


class Unpriced(Refusal):
    """This combination has no price, so it is not for sale."""

    code = "unpriced"


class RateLimited(Refusal):
    """Too many requests; wait as long as Retry-After says."""

    code = "rate_limited"

    def __init__(self, *, limit: int, used: int, retry_after: float, headers: Mapping[str, str]) -> None:
        super().__init__(retry_after=retry_after, scope="organization", metric="requests", limit=limit, used=used)
        # The answer's RateLimit headers, as those of an answer that was let through.
        self.headers = headers


class ReferenceTaken(Refusal):
    """This reference names another movement of credits already."""

    code = "reference_taken"


# What usage_hold and usage_refusal answer, as the refusal it means.
BY_REASON: dict[str, type[Refusal]] = {
    "insufficient_credits": InsufficientCredits,
    "in_debt": InDebt,
    "banned": Banned,
    "closed": OrganizationClosed,
}
