"""What the edge does for everybody behind it: one origin, honest headers, limits; of objects: tests/storage/."""

import httpx2
import pytest


@pytest.fixture
def client(stack):
    with httpx2.Client(base_url=stack.base_url, timeout=20) as client:
        yield client


def test_metrics_are_not_for_the_public(client):
    assert client.get("/metrics").status_code == 404


def test_a_request_keeps_its_id_and_gets_one_when_it_has_none(client):
    assert client.get("/livez", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert len(client.get("/livez").headers["x-request-id"]) == 36
    assert client.get("/livez", headers={"X-Request-Id": 'x"y'}).headers["x-request-id"] != 'x"y'


@pytest.mark.parametrize("headers", [{}, {"Prefer": "wait=1"}], ids=["web", "live"])
def test_a_body_beyond_every_limit_is_a_problem(client, headers):
    # when
    answer = client.post("/v1/jobs", content=b"x" * 10 * 1024**2, headers=headers)

    # then
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "body_too_large"


@pytest.mark.parametrize("headers", [{}, {"Prefer": "wait=1"}], ids=["web", "live"])
def test_a_body_of_untold_length_is_a_problem(client, headers):
    # when
    answer = client.post("/v1/jobs", content=iter([b"{", b"}"]), headers=headers)

    # then
    assert answer.status_code == 411
    assert answer.json()["code"] == "length_required"


@pytest.mark.parametrize("size", [300_000, 5_000_000], ids=str)
def test_a_refusal_arrives_while_its_body_is_still_on_the_way(client, size):
    # when
    answers = [client.post("/v1/jobs", content=b" " * size) for _ in range(20)]

    # then
    assert {answer.status_code for answer in answers} == {401}


def test_a_process_that_is_away_is_a_problem_with_a_time_to_come_back(stack, client):
    # given
    stack.processes["web"].stop(grace_seconds=0)

    # when
    answer = client.get("/livez")

    # then
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "unavailable"
