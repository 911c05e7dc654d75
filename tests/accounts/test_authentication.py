import json
import os
import subprocess
import sys

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate
from django.contrib.sessions.backends.db import SessionStore
from rest_framework.test import APIClient

from accounts.models import Membership, Organization, Role
from tests.accounts.clients import APP, PASSWORD, csrf, signed_in
from tests.factories import MembershipFactory, UserFactory

FRONTEND = "https://app.example.com"


@pytest.fixture
def frontend(settings):
    """An origin of its own that was named in FRONTEND_ORIGINS."""
    settings.CORS_ALLOWED_ORIGINS = [FRONTEND]


@pytest.fixture
def token(owner):
    """The session token of the owner, as a frontend on another origin gets it."""
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    answer = APIClient().post(f"{APP}/auth/login", {"email": owner.email, "password": PASSWORD}, format="json")
    return answer.json()["meta"]["session_token"]


def test_without_credentials_it_is_401_and_not_403(anonymous):
    answer = anonymous.get("/v1/me")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("value", ["", "x", "x" * 32, "a\0b", "../../etc", "é" * 8, "9" * 10_000])
def test_made_up_session_token_is_401(db, value):
    answer = APIClient().get("/v1/me", HTTP_X_SESSION_TOKEN=value)

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_session")


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer x y", "bearer pk_live_", "Bearer \u00e9"])
def test_made_up_key_is_401(db, value):
    assert APIClient().get("/v1/me", HTTP_AUTHORIZATION=value).status_code == 401


def test_session_token_acts_for_the_user(owner, token):
    answer = APIClient().get("/v1/me", headers={"X-Session-Token": token})

    assert answer.json()["id"] == str(owner.pk)
    assert answer.json()["apiKeyId"] is None


def test_session_token_of_a_user_switched_off_is_401(owner, token):
    type(owner).objects.filter(pk=owner.pk).update(is_active=False)

    assert APIClient().get("/v1/me", headers={"X-Session-Token": token}).status_code == 401


def test_key_is_judged_alone_whatever_cookie_comes_with_it(owner):
    # given
    browser = signed_in(owner)

    # then
    assert browser.get("/v1/me", headers={"Authorization": "Bearer wrong"}).status_code == 401
    # A key needs no CSRF token, since no browser sends it by itself.
    answer = browser.patch(
        "/v1/me", {"name": "Key"}, format="json", headers={"Authorization": f"Bearer {owner.secret}"}
    )
    assert answer.status_code == 200


def test_cookie_reads_without_a_csrf_token_and_writes_with_one(owner):
    # given
    browser = signed_in(owner)

    # when
    read = browser.get("/v1/me")
    without = browser.patch("/v1/me", {"name": "Eve"}, format="json")
    wrong = browser.patch("/v1/me", {"name": "Eve"}, format="json", headers={"X-CSRFToken": "a" * 64})
    right = browser.patch("/v1/me", {"name": "Grace"}, format="json", headers=csrf(browser))

    # then
    assert [answer.status_code for answer in (read, without, wrong, right)] == [200, 403, 403, 200]
    owner.refresh_from_db()
    assert owner.name == "Grace"


def test_cookie_write_from_a_foreign_page_is_refused(owner):
    # given
    browser = signed_in(owner)

    # when
    answer = browser.patch(
        "/v1/me", {"name": "Eve"}, format="json", headers={**csrf(browser), "Origin": "https://evil.example"}
    )

    # then
    assert answer.status_code == 403


def test_session_chooses_among_the_users_organizations(owner):
    # given
    browser = signed_in(owner)
    other = MembershipFactory(user=owner, role=Role.BILLING).organization

    # when
    body = browser.get("/v1/me", headers={"X-Organization-Id": str(other.pk)}).json()

    # then
    assert (body["organizationId"], body["role"]) == (str(other.pk), "billing")


@pytest.mark.parametrize("wanted", ["foreign", "absent", "odd"])
@pytest.mark.parametrize("way", ["cookie", "key"])
def test_organization_of_others_is_404(owner, outsider, wanted, way):
    # given
    client = signed_in(owner) if way == "cookie" else owner.api
    value = {
        "foreign": str(outsider.organization.pk),
        "absent": "018f0000-0000-7000-8000-000000000000",
        "odd": "'; DROP TABLE",
    }[wanted]

    # when
    answer = client.get("/v1/me", headers={"X-Organization-Id": value})

    # then
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_demoted_and_removed_users_lose_their_rights_on_the_next_call(owner):
    # given
    browser = signed_in(owner)
    assert browser.get("/v1/api-keys").status_code == 200

    # then
    Membership.objects.filter(user=owner).update(role=Role.MEMBER)
    assert browser.get("/v1/api-keys").status_code == 403
    Membership.objects.filter(user=owner).delete()
    answer = browser.get("/v1/api-keys")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_organization")


def test_closed_organization_cannot_be_acted_for(owner, organization):
    browser = signed_in(owner)
    Organization.objects.filter(pk=organization.pk).update(closed_at="2026-01-01T00:00Z")

    assert browser.get("/v1/me").status_code == 403


def test_new_password_ends_other_sessions(owner):
    # given
    browser = signed_in(owner)

    # when
    owner.set_password("another long passphrase")
    owner.save(update_fields=["password"])

    # then
    assert browser.get("/v1/me").status_code == 401


def test_session_of_nobody_is_401(db):
    store = SessionStore()
    store["some"] = "thing"
    store.save()
    client = APIClient()
    client.cookies["session"] = store.session_key

    assert client.get("/v1/me").status_code == 401


def test_staff_without_an_organization_may_not_use_the_api(db):
    browser = signed_in(UserFactory(is_staff=True))

    assert browser.get("/v1/me").json()["code"] == "no_organization"


def test_cookies_over_https_are_bound_to_the_host():
    # given
    names = ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE",
             "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_HTTPONLY", "CSRF_TRUSTED_ORIGINS", "ALLOWED_HOSTS"]  # fmt: skip
    code = f"import json; from django.conf import settings as s; print(json.dumps([getattr(s, n) for n in {names}]))"
    environment = os.environ | {
        "BASE_URL": "https://media.example.com", "CDN_BASE_URL": "https://cdn.example.com",
        "FRONTEND_ORIGINS": FRONTEND, "ALLOWED_HOSTS": "",
    }  # fmt: skip

    # when
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)

    # then
    assert json.loads(told.stdout) == [
        "__Host-session", "__Host-csrf", True, True, "Lax", True,
        ["https://media.example.com", FRONTEND], ["media.example.com", "cdn.example.com"],
    ]  # fmt: skip


def test_staff_sign_in_to_the_admin_by_address(staff):
    staff.set_password(PASSWORD)
    staff.save()

    assert authenticate(None, username=staff.email.upper(), password=PASSWORD) == staff
    assert authenticate(None, username=staff.email, password="wrong") is None


# --- CORS ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/v1/me", f"{APP}/auth/session"])
def test_listed_origin_may_read_answers_without_credentials(frontend, api, path):
    answer = api.get(path, headers={"Origin": FRONTEND})

    assert answer["Access-Control-Allow-Origin"] == FRONTEND
    assert "Access-Control-Allow-Credentials" not in answer
    assert "origin" in answer["Vary"].lower()
    assert "x-request-id" in answer["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com",
     "https://app.example.com:8443", "https://sub.app.example.com", "null", "*"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["get", "options"])
def test_other_origins_get_nothing(frontend, api, origin, method):
    answer = getattr(api, method)("/v1/me", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})

    assert not [name for name in answer.headers if name.startswith("Access-Control-Allow")]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/me", f"{APP}/auth/login", f"{APP}/auth/password/reset"])
def test_preflight_lets_our_headers_through(frontend, anonymous, path):
    # given
    wanted = (
        "authorization, content-type, idempotency-key, last-event-id, prefer, traceparent, x-organization-id,"
        " x-request-id, x-session-token, x-password-reset-key, x-email-verification-key"
    )

    # when
    answer = anonymous.options(
        path,
        headers={
            "Origin": FRONTEND,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": wanted,
        },
    )

    # then
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == FRONTEND
    assert set(wanted.split(", ")) <= set(answer["Access-Control-Allow-Headers"].split(", "))
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(answer["Access-Control-Allow-Methods"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer


def test_errors_reach_the_listed_origin_too(frontend, anonymous):
    answer = anonymous.get("/v1/me", headers={"Origin": FRONTEND})

    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == FRONTEND


def test_unknown_host_is_refused(api):
    assert api.get("/v1/me", headers={"Host": "evil.example"}).status_code == 400


def test_method_cannot_be_overridden(api, owner):
    answer = api.post("/v1/me", {"name": "Eve"}, format="json", headers={"X-HTTP-Method-Override": "PATCH"})

    assert answer.status_code == 405
    owner.refresh_from_db()
    assert owner.name == "Ada"
