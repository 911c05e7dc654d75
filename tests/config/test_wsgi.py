"""The two ways through `web`: with the middleware of browsers, and without it for requests with a key."""

import json
from io import BytesIO

import pytest
from django.test import RequestFactory

from accounts.models import Role
from config import wsgi
from tests.fixtures import member


@pytest.fixture
def secret(committed, organization):
    return member(organization, Role.OWNER).secret


def answer(application, method, path, secret, **headers):
    """Status, headers by name, and body of one request."""
    headers |= {"Authorization": f"Bearer {secret}"}
    request = RequestFactory().generic(method, path, b"{}", content_type="application/json", headers=headers)
    started, environ = [], request.environ | {"wsgi.input": BytesIO(b"{}")}
    body = application(environ, lambda status, headers, error=None: started.append((status, dict(headers))))
    (status, sent), text = started[0], b"".join(body)
    body.close()
    return status, {name.lower(): value for name, value in sent.items()}, text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/me"), ("GET", "/v1/nothing"), ("PUT", "/v1/me"), ("POST", "/v1/jobs"), ("GET", "/v1/jobs?q=%00")],
)
def test_the_short_way_answers_as_the_whole_one(secret, method, path):
    # when
    short, whole = [answer(one, method, path, secret) for one in (wsgi._for_programs, wsgi._for_browsers)]

    # then
    assert short[0] == whole[0]
    assert facts(short) == facts(whole)
    assert set(short[1]) == set(whole[1])
    for name in set(short[1]) - {"x-request-id", "server-timing", "content-length", "vary", "ratelimit"}:
        assert short[1][name] == whole[1][name], name


def facts(answered):
    return {name: value for name, value in json.loads(answered[2]).items() if name not in {"requestId", "instance"}}


def test_a_key_takes_the_short_way_and_is_refused_alike_when_it_is_wrong(secret):
    # when
    status, _, text = answer(wsgi.application, "GET", "/v1/me", secret[:-1] + "!")

    # then
    assert (status[:3], json.loads(text)["code"]) == ("401", "invalid_api_key")


def test_a_frontend_on_another_origin_may_use_a_key(secret, settings):
    # given
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]

    # when
    _, headers, _ = answer(wsgi.application, "GET", "/v1/me", secret, Origin="https://app.example.com")

    # then
    assert headers["access-control-allow-origin"] == "https://app.example.com"


def test_pages_keep_their_middleware_whatever_key_is_sent(secret):
    # when
    _, headers, _ = answer(wsgi.application, "GET", "/", secret)

    # then
    assert "content-security-policy" in headers
