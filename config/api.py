"""Every error answer: which class has which status (the one table), and the problem each becomes (RFC 9457).

Under /v1/ no answer is ever HTML. Refusals come from the apps; what DRF and Django raise by themselves is put into
the same shape; a database that is away is a 503 that says when to come back; the rest is our own fault, logged
with its traceback and told as a bare 500.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError

from accounts import exceptions as accounts
from core import exceptions as core
from core.problems import CONTENT_TYPE, Fact, FieldError, Refusal, problem, step
from generation import exceptions as generation
from storage import exceptions as storage
from usage import exceptions as usage
from usage import limits

# A subclass that is not named here has the status of its parent.
STATUS: dict[type[Refusal], int] = {
    Refusal: 422,
    core.NotFound: 404,
    core.MalformedJSON: 400,
    core.InlineMedia: 422,
    core.BodyTooLarge: 413,
    core.UnreadableCharset: 415,
    core.BadPage: 400,
    core.BadIdempotencyKey: 400,
    core.IdempotencyMismatch: 422,
    core.IdempotencyInProgress: 409,
    core.AddressRefused: 422,
    core.FetchFailed: 422,
    accounts.RoleForbids: 403,
    accounts.InsufficientScope: 403,
    accounts.NoOrganization: 403,
    accounts.LastOwner: 409,
    accounts.AlreadyMember: 409,
    accounts.TooManyInvitations: 429,
    accounts.TooManyApiKeys: 409,
    accounts.TooManyOrganizations: 409,
    usage.InsufficientCredits: 402,
    usage.InDebt: 402,
    usage.Banned: 403,
    usage.OrganizationClosed: 403,
    usage.Unpriced: 422,
    usage.RateLimited: 429,
    usage.ReferenceTaken: 409,
    storage.AssetNotFound: 422,
    storage.AssetNotReady: 409,
    storage.WrongAssetKind: 422,
    storage.OnLegalHold: 409,
    storage.TooManyTags: 422,
    storage.CollectionNotFound: 422,
    storage.TitleTaken: 409,
    storage.NothingToArchive: 422,
    storage.ArchiveTooLarge: 422,
    storage.StoreUnavailable: 503,
    storage.LinkRefused: 403,
    storage.MalformedUpload: 400,
    storage.UnsupportedUpload: 415,
    storage.UploadTooLarge: 413,
    storage.UploadInterrupted: 400,
    storage.UploadIncomplete: 409,
    storage.InvalidSource: 422,
    storage.TooManyUploads: 429,
    storage.ContentRefused: 422,
    storage.UnknownRendition: 422,
    storage.NoPicture: 422,
    storage.NotPublishable: 422,
    storage.InvalidChange: 422,
    generation.UnknownOperation: 422,
    generation.ModelDisabled: 422,
    generation.InvalidInput: 422,
    generation.InvalidBody: 422,
    generation.NotSignedIn: 401,
    generation.QueueFull: 429,
    generation.JobNotRetryable: 409,
}
_DETAILS: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be read."),
    403: ("permission_denied", "This is not allowed."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("body_too_large", "The body is larger than this route takes."),
    500: ("internal_error", "Something went wrong on our side; it was reported with this request's id."),
    503: (
        "unavailable",
        "The database cannot be reached at the moment. Send it again: under one Idempotency-Key it is done once.",
    ),
}
_DATABASE_RETRY_SECONDS = 2

log = structlog.get_logger(__name__)


class ProblemResponse(HttpResponse):
    """An answer of `application/problem+json`; `error_code` is for the access line."""

    _has_been_logged: bool

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        facts: Mapping[str, Fact] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        body = problem(status, code, detail, errors=errors, facts=facts)
        super().__init__(
            msgspec.json.encode(body), status=status, content_type=CONTENT_TYPE, headers=dict(headers or {})
        )
        self.error_code = code


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase:
    """DRF's EXCEPTION_HANDLER."""
    return response_for(error)


def response_for(error: Exception) -> ProblemResponse:
    """The problem that an exception becomes, whoever raised it."""
    match error:
        case Refusal():
            return _refused(error)
        case APIException():
            return _refused_by_framework(error)
        case Http404():
            return _plain(404)
        case PermissionDenied():
            return _plain(403)
        case RequestDataTooBig():
            return _plain(413)
        case BadRequest() | SuspiciousOperation():
            return _plain(400)
        case OperationalError() | InterfaceError():
            return _reported("database unavailable", error, 503, {"Retry-After": str(_DATABASE_RETRY_SECONDS)})
        case _:
            return _reported("request failed", error, 500)


def _refused(refusal: Refusal) -> ProblemResponse:
    status = next(STATUS[cls] for cls in type(refusal).__mro__ if cls in STATUS)
    headers = _headers(status, refusal.retry_after)
    if isinstance(refusal, usage.RateLimited):
        headers |= refusal.headers
    return ProblemResponse(
        status, refusal.code, refusal.detail, errors=refusal.errors, facts=refusal.facts, headers=headers
    )


def _refused_by_framework(error: APIException) -> ProblemResponse:
    if isinstance(error, ValidationError):
        errors = tuple(_field_errors(error.detail))
        detail = errors[0].detail if len(errors) == 1 else "Some fields cannot be accepted."
        return ProblemResponse(422, "invalid", detail, errors=errors)
    code = error.get_codes()
    return ProblemResponse(
        error.status_code,
        code if isinstance(code, str) else error.default_code,
        str(error.detail),
        headers=_headers(error.status_code, getattr(error, "wait", None)),
    )


def _reported(event: str, error: Exception, status: int, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    log.error(event, exc_info=error)
    response = _plain(status, headers)
    # Django's own line on a 5xx would tell the same once more, without the traceback.
    response._has_been_logged = True
    return response


def _headers(status: int, retry_after: float | None) -> dict[str, str]:
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return headers


def _field_errors(detail: Any, pointer: str = "") -> Iterator[FieldError]:
    """DRF's nested errors, flat, each with the JSON Pointer of its field (RFC 6901)."""
    if isinstance(detail, Mapping):
        for name, part in detail.items():
            yield from _field_errors(part, pointer if name == "non_field_errors" else pointer + step(name))
    elif isinstance(detail, ErrorDetail):
        yield FieldError(pointer, detail.code or "invalid", str(detail))
    else:
        for index, part in enumerate(detail):
            # A list holds either the messages of one field or the errors of each item.
            yield from _field_errors(part, pointer if isinstance(part, ErrorDetail) else pointer + step(index))


def _plain(status: int, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    code, detail = _DETAILS[status]
    return ProblemResponse(status, code, detail, headers=headers)


# --- what is raised or answered outside DRF ---------------------------------------------------------------------------
class ProblemMiddleware(MiddlewareMixin):
    """Gives the plain Django views under /v1/ the same errors as DRF's, and lets no HTML error out of there.

    On every answer it says where the caller's organization stands with its limit, if anybody asked on the way.
    """

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        # Postgres stores no NUL, so no address can mean one; refused here, once, for every filter and path.
        if "%00" in request.META["QUERY_STRING"] or "\0" in request.path_info:
            return _plain(400)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        return response_for(error) if _is_api(request) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if rate := getattr(request, "rate_limit", None):
            for name, text in limits.headers(rate).items():
                response.headers[name] = text
        if _is_api(request):
            # Every answer is the caller's own, and may carry links that speak for them.
            response.headers.setdefault("Cache-Control", "private, no-cache")
            patch_vary_headers(response, ("Authorization", "Cookie", "X-Session-Token", "X-Organization-Id"))
        if response.status_code < 400 or not _is_api(request) or "json" in response.headers.get("Content-Type", ""):
            return response
        code, detail = _DETAILS.get(response.status_code, ("refused", HTTPStatus(response.status_code).phrase))
        replacement = ProblemResponse(response.status_code, code, detail)
        for name in ("Allow", "Retry-After"):
            if name in response.headers:
                replacement.headers[name] = response.headers[name]
        return replacement


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """handler400."""
    return _page_or_problem(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """handler403."""
    return _page_or_problem(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """CSRF_FAILURE_VIEW."""
    return _page_or_problem(request, 403, code="csrf_failed", detail="The CSRF token is missing or wrong.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """handler404, and the last route under /v1/."""
    return _page_or_problem(request, 404)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """handler500."""
    return _page_or_problem(request, 500)


def _page_or_problem(request: HttpRequest, status: int, *, code: str = "", detail: str = "") -> HttpResponseBase:
    default_code, default_detail = _DETAILS[status]
    if _is_api(request) or "text/html" not in request.headers.get("Accept", ""):
        return ProblemResponse(status, code or default_code, detail or default_detail)
    context = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail or default_detail}
    return render(request, "error.html", context, status=status)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/v1/") or request.path_info == "/v1"
