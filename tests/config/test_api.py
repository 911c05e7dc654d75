import importlib.util

import psycopg
import pytest
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions as drf
from rest_framework import serializers

from config.api import STATUS, ProblemMiddleware, response_for
from core.problems import FieldError, Refusal
from tests.core.test_parsers import MALFORMED

APPS = ("core", "accounts", "usage", "storage", "billing", "generation")


def problem_of(response):
    """The body of an answer that must be a problem."""
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["code"]
    assert body["detail"]
    assert body["requestId"] == response.headers["X-Request-Id"]
    return body


# --- the table -------------------------------------------------------------------------------------------------------
def test_every_refusal_of_every_app_has_a_status_of_its_own_or_of_its_parent():
    # given
    for app in APPS:
        if importlib.util.find_spec(f"{app}.exceptions"):
            importlib.import_module(f"{app}.exceptions")

    # when
    ours = [cls for cls in subclasses(Refusal) if cls.__module__.split(".")[0] in APPS]

    # then
    unknown = [cls.__qualname__ for cls in ours if not (set(cls.__mro__) - {Refusal}) & set(STATUS)]
    assert ours
    assert unknown == []


def test_every_refusal_has_a_code_and_a_message_of_its_own():
    for cls in subclasses(Refusal):
        assert cls.code != Refusal.code, cls
        assert cls.__doc__, cls


def subclasses(cls):
    return {found for child in cls.__subclasses__() for found in {child, *subclasses(child)}}


def test_a_refusal_tells_its_facts_errors_and_when_to_come_back():
    # given
    class TooMuchTea(Refusal):
        """Too much tea."""

        code = "too_much_tea"

    refusal = TooMuchTea(errors=[FieldError("/cups/0", "full", "It is full.")], retry_after=0.2, cups_left=3)

    # when
    response = response_for(refusal)

    # then
    assert response.status_code == 422
    assert response.headers["Retry-After"] == "1"
    assert b'"cupsLeft":3' in response.content
    assert b'"errors":[{"pointer":"/cups/0","code":"full","detail":"It is full."}]' in response.content


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404("secret path"), 404, "not_found"),
        (PermissionDenied("why"), 403, "permission_denied"),
        (RequestDataTooBig(), 413, "body_too_large"),
        (SuspiciousOperation(), 400, "bad_request"),
        (BadRequest(), 400, "bad_request"),
        (OperationalError("host=10.0.0.1"), 503, "unavailable"),
        (InterfaceError("gone"), 503, "unavailable"),
        (drf.NotAuthenticated(), 401, "not_authenticated"),
        (drf.AuthenticationFailed(code="invalid_api_key"), 401, "invalid_api_key"),
        (drf.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (drf.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (drf.NotAcceptable(), 406, "not_acceptable"),
        (drf.ParseError(), 400, "parse_error"),
        (drf.Throttled(wait=1.5), 429, "throttled"),
        (ZeroDivisionError("division by zero"), 500, "internal_error"),
        (psycopg.OperationalError("not through Django"), 500, "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_others_raise_becomes_a_problem_that_tells_no_secrets(error, status, code):
    response = response_for(error)

    assert (response.status_code, response.error_code) == (status, code)
    assert not {b"secret", b"10.0.0.1", b"division"} & set(response.content.replace(b":", b" ").split())
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert ("Retry-After" in response.headers) == (status in {429, 503})


def test_validation_errors_point_at_their_fields():
    # given
    class Item(serializers.Serializer):
        size = serializers.IntegerField()

    class Order(serializers.Serializer):
        items = Item(many=True)
        tags = serializers.ListField(child=serializers.CharField(max_length=2))

        def validate(self, attrs):
            raise serializers.ValidationError("Never.", code="never")

    order = Order(data={"items": [{"size": 1}, {"size": "x"}, {}], "tags": ["ok", "long"]})

    # when
    with pytest.raises(serializers.ValidationError) as error:
        order.is_valid(raise_exception=True)
    response = response_for(error.value)

    # then
    assert response.status_code == 422
    for expected in (b'{"pointer":"/items/1/size","code":"invalid"', b'{"pointer":"/items/2/size","code":"required"'):
        assert expected in response.content
    assert b'{"pointer":"/tags/1","code":"max_length"' in response.content


def test_an_error_of_the_whole_body_points_at_the_whole():
    response = response_for(serializers.ValidationError({"non_field_errors": ["Never."], "a/b~c": ["No."]}))

    assert b'"pointer":"","code":"invalid","detail":"Never."' in response.content
    assert b'"pointer":"/a~1b~0c"' in response.content


# --- over HTTP -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_odd_json_is_a_problem_and_never_our_error(api, body):
    response = api.generic("POST", "/v1/organizations", body, content_type="application/json")

    # An empty body is a body without the fields that it should have.
    assert response.status_code == (400 if body else 422)
    assert problem_of(response)["code"] == ("malformed_json" if body else "invalid")


@pytest.mark.parametrize("body", [b"[]", b'["name"]', b'"name"', b"1", b"null", b"true"])
def test_json_that_is_no_object_is_refused(api, body):
    response = api.generic("POST", "/v1/organizations", body, content_type="application/json")

    assert response.status_code == 422
    assert problem_of(response)["code"] == "invalid"


@pytest.mark.parametrize("size", [256 * 1024 + 1, 3_000_000, 9_000_000])
def test_a_huge_body_is_too_large(api, size):
    response = api.generic("POST", "/v1/organizations", b" " * size, content_type="application/json")

    assert response.status_code == 413
    assert problem_of(response)["code"] == "body_too_large"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "nonsense",
        "application/json; charset=bz2",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; charset=nonsense",
    ],
)
def test_another_kind_of_body_is_unsupported(api, content_type):
    response = api.generic("POST", "/v1/organizations", b'{"name": "x"}', content_type=content_type)

    assert response.status_code == 415
    assert problem_of(response)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "application/json;charset=utf8"])
def test_utf_8_may_be_named(api, content_type):
    response = api.generic("POST", "/v1/organizations", b'{"name": "x"}', content_type=content_type)

    assert response.status_code == 201


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nope", "/v1/organizations/", "/v1/jobs/not-a-uuid", "/v1/%ff"])
def test_an_unknown_address_is_a_problem(api, path):
    response = api.get(path, headers={"Accept": "text/html"})

    assert response.status_code == 404
    assert problem_of(response)["code"] == "not_found"


@pytest.mark.parametrize("path", ["/v1/nope%00", "/v1/api-keys?cursor=%00", "/?a=%00", "/%00"])
def test_an_address_with_a_nul_is_bad(client, path):
    response = client.get(path)

    assert response.status_code == 400
    assert problem_of(response)["code"] == "bad_request"


def test_another_method_is_a_problem_that_names_the_allowed_ones(api):
    response = api.delete("/v1/organizations")

    assert response.status_code == 405
    assert problem_of(response)["code"] == "method_not_allowed"
    assert response.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_nobody_is_asked_to_authenticate(anonymous):
    response = anonymous.get("/v1/me")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert problem_of(response)["code"] == "not_authenticated"


def test_a_wrong_host_is_a_problem_for_a_program(client):
    response = client.get("/v1/me", headers={"Host": "evil.example"})

    assert response.status_code == 400
    problem_of(response)


def test_a_form_without_its_csrf_token_is_refused_in_the_asker_s_language():
    # given
    client = Client(enforce_csrf_checks=True)

    # when
    for_program = client.post("/admin/login/", {"username": "x"})
    for_person = client.post("/admin/login/", {"username": "x"}, headers={"Accept": "text/html"})

    # then
    assert for_program.status_code == for_person.status_code == 403
    assert problem_of(for_program)["code"] == "csrf_failed"
    assert for_person.headers["Content-Type"].startswith("text/html")


def test_a_page_that_is_not_there_is_told_to_a_person_in_html(client):
    response = client.get("/nope", headers={"Accept": "text/html,*/*"})

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
    assert b"There is nothing here." in response.content


def test_a_plain_view_under_v1_answers_in_problems_too():
    # given
    middleware = ProblemMiddleware(lambda request: HttpResponse("<h1>Teapot</h1>", status=418))

    # when
    replaced = middleware(RequestFactory().get("/v1/teapot"))
    kept = middleware(RequestFactory().get("/teapot"))

    # then
    assert replaced.headers["Content-Type"] == "application/problem+json"
    assert b"Teapot</h1>" not in replaced.content
    assert b"Teapot</h1>" in kept.content
