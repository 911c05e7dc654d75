from datetime import UTC, datetime
from uuid import UUID

from core import trace
from core.problems import FieldError, Refusal, problem


class OutOfTea(Refusal):
    """There is no tea
    left."""

    code = "out_of_tea"


def test_the_docstring_of_a_refusal_is_its_message():
    assert str(OutOfTea()) == OutOfTea().detail == "There is no tea left."
    assert OutOfTea("None at all.").detail == "None at all."


def test_a_problem_has_every_standard_member():
    # given
    trace.request_id.set("request-1")

    # when
    body = problem(422, "out_of_tea", "There is no tea left.", errors=[FieldError("/cup", "empty", "It is empty.")])

    # then
    assert body == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "There is no tea left.",
        "code": "out_of_tea",
        "requestId": "request-1",
        "errors": [{"pointer": "/cup", "code": "empty", "detail": "It is empty."}],
    }


def test_facts_are_camel_case_and_plain():
    body = problem(
        429,
        "out_of_tea",
        "",
        facts={
            "resets_at": datetime(2026, 11, 22, 14, 32, 1, 123_456, tzinfo=UTC),
            "job_id": UUID(int=7),
            "limit": {"per_minute": [1, 2]},
            "status": 200,
        },
    )

    assert body["resetsAt"] == "2026-11-22T14:32:01.123Z"
    assert body["jobId"] == "00000000-0000-0000-0000-000000000007"
    assert body["limit"] == {"perMinute": [1, 2]}
    assert body["status"] == 429
