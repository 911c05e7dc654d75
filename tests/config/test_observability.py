import asyncio
import json
import logging
import time
from uuid import UUID

import pytest
import structlog
from django.conf import settings
from django.http import HttpResponse
from django.test import AsyncClient, RequestFactory
from prometheus_client import REGISTRY

from config.observability import RequestMiddleware, _scrub_report, configure_logging, hide_secrets
from core import trace

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
# What may not be seen of each.
SECRETS = {
    "pk_live_abcd1234EfGhIjKlMnOpQrStUvWxYz0123456789": "EfGhIjKl",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": "MfKQ9r8G",
    "sk_live_51H8aQ2eZvKYlo2C": "51H8aQ2e",
    "sk_test_51H8aQ2eZvKYlo2C": "51H8aQ2e",
    "rk_live_51H8aQ2eZvKYlo2C": "51H8aQ2e",
    "Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc": "eyJhbGci",
    "postgresql://app:hunter2@db.internal/app": "hunter2",
    "https://cdn.example/media/a.png?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=deadbeef": "deadbeef",
    "https://example.com/hook?token=sesame": "sesame",
    "https://example.com/account/reset-password/MQ-abcdef-1234": "abcdef",
}


@pytest.fixture
def logged(capsysbinary):
    """What was logged so far, one dict a line, at the level of production."""
    before = logging.getLogger().handlers[:]
    configure_logging({"level": "INFO"})
    lines = []

    def read():
        lines.extend(json.loads(line) for line in capsysbinary.readouterr().out.splitlines())
        return lines

    yield read
    configure_logging(settings.LOGGING)
    logging.getLogger().handlers[:] = before


# --- lines -----------------------------------------------------------------------------------------------------------
def test_every_logger_writes_one_json_object_a_line(logged):
    # given
    trace.request_id.set("request-1")
    trace.trace_id.set("4bf92f3577b34da6a3ce929d0e0e4736")

    # when
    structlog.get_logger("ours").info("job settled", job_id=UUID(int=7), queueMs=3)
    logging.getLogger("theirs").warning("two\nlines of %s", "text")
    logging.getLogger("django.request").warning("Not Found: /nope")

    # then
    ours, theirs = logged()
    assert ours == {
        "timestamp": ours["timestamp"],
        "level": "info",
        "event": "job settled",
        "jobId": "00000000-0000-0000-0000-000000000007",
        "queueMs": 3,
        "requestId": "request-1",
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    assert ours["timestamp"].endswith("Z")
    assert (theirs["level"], theirs["event"]) == ("warning", "two\nlines of text")


def test_a_traceback_stands_in_the_line(logged):
    try:
        raise ZeroDivisionError("nought")
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("failed")

    (line,) = logged()
    assert "ZeroDivisionError: nought" in line["exception"]


@pytest.mark.parametrize(("secret", "hidden"), SECRETS.items())
def test_secrets_are_hidden_wherever_they_stand(logged, secret, hidden):
    # when
    structlog.get_logger("ours").info(f"sent {secret} there", url=secret, nested={"list": [secret]})
    logging.getLogger("theirs").warning("sent %s there", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("theirs").exception("failed")

    # then
    ours, theirs, failed = logged()
    assert hidden not in json.dumps([ours, theirs, failed])
    assert ours["event"].startswith("sent ")
    assert ours["event"].endswith(" there")
    assert "ValueError" in failed["exception"]


@pytest.mark.parametrize("name", ["prompt", "negative_prompt", "authorization", "api_key", "password", "session_token"])
def test_some_names_are_never_written(logged, name):
    structlog.get_logger("ours").info("called", **{name: "a fox in the snow"})

    assert "fox" not in json.dumps(logged())


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:8000/v1/jobs?status=queued&limit=20",
        "asked 3 tasks of risk_level low",
        "2026-11-22T14:32:01.123Z",
        "GET /v1/assets/0190d3a5-0000-7000-8000-000000000000/content",
    ],
)
def test_what_is_no_secret_stays_readable(text):
    assert hide_secrets(text) == text


def test_a_hostile_line_is_scrubbed_in_no_time():
    started = time.perf_counter()

    for text in ("?" * 200_000, "://a:" * 40_000, "pk_live_" * 25_000, "?a=b&" * 40_000):
        hide_secrets(text)

    assert time.perf_counter() - started < 1


def test_error_reports_are_scrubbed_throughout():
    report = {"exception": {"values": [{"value": secret} for secret in SECRETS]}, "extra": list(SECRETS)}

    scrubbed = json.dumps(_scrub_report(report, {}))

    assert not [hidden for hidden in SECRETS.values() if hidden in scrubbed]


# --- requests --------------------------------------------------------------------------------------------------------
def test_a_request_keeps_the_id_it_came_with(client):
    response = client.get("/livez", headers={"X-Request-Id": "abc.DEF-1_2"})

    assert response.headers["X-Request-Id"] == "abc.DEF-1_2"
    assert response.headers["Server-Timing"].startswith("app;dur=")


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a\tb", "ü", 'a"b', "a/b", "<x>"])
def test_an_id_that_is_none_is_replaced(client, given):
    response = client.get("/livez", headers={"X-Request-Id": given})

    assert response.headers["X-Request-Id"] != given
    assert len(response.headers["X-Request-Id"]) == 32


def test_the_access_line_tells_who_asked_for_what(logged, api, owner):
    # when
    api.get("/v1/api-keys?limit=1", headers={"X-Request-Id": "abc", "traceparent": PARENT})

    # then
    (line,) = logged()
    assert line == {
        "timestamp": line["timestamp"],
        "level": "info",
        "event": "request",
        "requestId": "abc",
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "method": "GET",
        "route": "v1/api-keys",
        "status": 200,
        "latencyMs": line["latencyMs"],
        "userId": str(owner.pk),
        "orgId": str(owner.organization.pk),
        "apiKeyId": str(owner.api_keys.get().pk),
    }


def test_a_refused_request_has_one_line_with_its_code(logged, anonymous):
    anonymous.get("/v1/me")

    (line,) = logged()
    assert (line["status"], line["errorCode"]) == (401, "not_authenticated")
    assert "userId" not in line


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        PARENT.upper(),
        PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        PARENT.replace("00f067aa0ba902b7", "0" * 16),
        PARENT.replace("00-", "ff-", 1),
        PARENT[:-3],
    ],
)
def test_a_trace_that_is_none_is_replaced(logged, client, parent):
    client.get("/livez", headers={"traceparent": parent})

    (line,) = logged()
    assert len(line["traceId"]) == 32
    assert line["traceId"] not in {"4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32}


def test_the_middleware_never_asks_who_the_user_is():
    # given
    class Asked(Exception):
        pass

    request = RequestFactory().get("/")

    def get_response(request):
        type(request).user = property(lambda self: (_ for _ in ()).throw(Asked))
        return HttpResponse()

    # when
    try:
        response = RequestMiddleware(get_response)(request)
    finally:
        del type(request).user

    # then
    assert response.status_code == 200


def test_requests_at_once_do_not_mix_their_ids_under_asgi():
    async def ask(number):
        return await AsyncClient().get("/livez", headers={"X-Request-Id": f"r{number}"})

    async def ask_all():
        return await asyncio.gather(*(ask(number) for number in range(20)))

    responses = asyncio.run(ask_all())

    assert [response.headers["X-Request-Id"] for response in responses] == [f"r{number}" for number in range(20)]


def test_requests_are_counted_by_route_and_not_by_address(client):
    # given
    labels = {"method": "GET", "route": "v1/jobs/<uuid:job_id>", "status": "401"}
    before = REGISTRY.get_sample_value("http_request_seconds_count", labels) or 0

    # when
    for number in range(3):
        client.get(f"/v1/jobs/{UUID(int=number)}")
    client.generic("BREW", "/livez")

    # then
    assert REGISTRY.get_sample_value("http_request_seconds_count", labels) == before + 3
    odd = {"method": "OTHER", "route": "livez", "status": "200"}
    assert REGISTRY.get_sample_value("http_request_seconds_count", odd) >= 1


# --- metrics ---------------------------------------------------------------------------------------------------------
def test_metrics_are_read_from_this_machine_alone(client):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404


def test_metrics_are_read_from_anywhere_with_the_token(client, settings):
    settings.METRICS_TOKEN = "sesame"

    assert client.get("/metrics").status_code == 404
    wrong = client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers={"Authorization": "Bearer ü"})
    assert wrong.status_code == 404
    right = client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers={"Authorization": "Bearer sesame"})
    assert right.status_code == 200
    assert b"http_request_seconds_bucket" in right.content
