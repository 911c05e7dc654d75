"""The refusals that belong to no single app."""

from core.problems import Refusal


class NotFound(Refusal):
    """There is nothing here."""

    code = "not_found"


class MalformedJSON(Refusal):
    """The body is not the JSON that this API reads."""

    code = "malformed_json"


class InlineMedia(Refusal):
    """Media is uploaded and named by its asset id: no `data:` URL and no base64 in JSON."""

    code = "inline_media"


class BodyTooLarge(Refusal):
    """The body is larger than this route takes."""

    code = "body_too_large"


class UnreadableCharset(Refusal):
    """JSON is read in UTF-8 alone."""

    code = "unsupported_media_type"


class BadPage(Refusal):
    """The page asked for cannot be given."""

    code = "bad_page"


class BadIdempotencyKey(Refusal):
    """An Idempotency-Key is 1 to 255 visible ASCII characters."""

    code = "bad_idempotency_key"


class IdempotencyMismatch(Refusal):
    """This Idempotency-Key was used before with another body."""

    code = "idempotency_mismatch"


class IdempotencyInProgress(Refusal):
    """The first request with this Idempotency-Key is still being answered."""

    code = "idempotency_in_progress"


class AddressRefused(Refusal):
    """Only https addresses of public servers are fetched: by name, on port 443, without a user or password."""

    code = "address_refused"


class FetchFailed(Refusal):
    """The address could not be fetched: `reason` says why."""

    code = "fetch_failed"
