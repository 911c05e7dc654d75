"""Why a job is refused, and what cannot be done with one that exists."""

from core.problems import Refusal


class UnknownOperation(Refusal):
    """No such model and operation is offered; see GET /v1/models."""

    code = "unknown_operation"


class ModelDisabled(Refusal):
    """This model is not offered at the moment."""

    code = "model_disabled"


class InvalidInput(Refusal):
    """The input does not fit the operation's schema."""

    code = "invalid_input"


class InvalidBody(Refusal):
    """The body does not have the shape of a job."""

    code = "invalid_body"


class NotSignedIn(Refusal):
    """An API key, a session or a session token is needed."""

    code = "not_authenticated"


class QueueFull(Refusal):
    """The organization has as many jobs waiting as its plan allows."""

    code = "queue_full"


class JobNotRetryable(Refusal):
    """Only a job that failed, was canceled or expired can be tried again."""

    code = "job_not_retryable"


class LeaseLost(Exception):
    """Another worker holds this attempt now, or its job has ended: whoever raised this stops at once."""
