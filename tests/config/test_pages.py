import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

PAGES = [
    "/",
    "/account/sign-in",
    "/account/sign-up",
    "/account/reset-password",
    "/account/reset-password/abc",
    "/account/verify-email/abc",
    "/account/keys",
]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_and_brings_the_token_its_script_needs(client, path):
    response = client.get(path)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "csrftoken" in response.cookies


@pytest.mark.parametrize("path", [*PAGES, "/docs/", "/nope"])
def test_a_page_runs_no_script_but_ours_and_stands_in_no_frame(client, path):
    response = client.get(path, headers={"Accept": "text/html"})

    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == "'none'"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert b"<style" not in response.content
    assert b"<script>" not in response.content
    assert b" style=" not in response.content


def test_the_admin_s_theme_may_evaluate_and_no_other_page(client, db):
    assert "'unsafe-eval'" in client.get("/admin/login/").headers["Content-Security-Policy"]
    assert "Content-Security-Policy" not in client.get("/v1/openapi.json").headers


def test_the_document_is_valid_and_was_made_without_a_warning(client):
    # given
    GENERATOR_STATS.reset()

    # when
    document = SchemaGenerator().get_schema(public=True)

    # then
    validate_schema(document)
    assert not GENERATOR_STATS
    assert client.get("/v1/openapi.json").json()["openapi"] == "3.1.0"


def test_every_route_says_that_its_errors_are_problems(client):
    document = client.get("/v1/openapi.json").json()

    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert operations
    assert {operation["responses"]["default"]["$ref"] for operation in operations} == {"#/components/responses/Refused"}
