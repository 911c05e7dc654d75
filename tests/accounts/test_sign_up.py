"""Signing up, in and out through allauth's headless routes, with the mail read from the mailbox."""

from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from rest_framework.test import APIClient

from accounts import mailbox
from accounts.models import AuditEntry, Membership, Organization, Role, User
from accounts.organizations import create_user_with_organization
from tests.accounts.clients import APP, BROWSER, PASSWORD, csrf, link_key

EMAIL = "ada@example.com"


class CountingHasher(PBKDF2PasswordHasher):
    """Counts how often a password is hashed, which is what an answer's time is made of."""

    iterations = 10
    hashed = 0

    def encode(self, password, salt, iterations=None):
        type(self).hashed += 1
        return super().encode(password, salt, iterations)


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]


@pytest.fixture(autouse=True)
def mail_folder(settings, tmp_path):
    """The mailbox of `make run`, empty."""
    settings.MAILBOX_DIR = settings.EMAIL_FILE_PATH = str(tmp_path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"


@pytest.fixture
def app(db):
    return APIClient()


def post(client, path, body, **headers):
    return client.post(f"{APP}{path}", body, format="json", headers=headers)


def sign_up(client, email=EMAIL, password=PASSWORD):
    return post(client, "/auth/signup", {"email": email, "password": password})


def test_sign_up_makes_a_user_and_their_organization_and_waits_for_the_mail(app):
    # when
    answer = sign_up(app, email="Ada@Example.com")

    # then
    assert answer.status_code == 401
    assert {"id": "verify_email", "is_pending": True} in answer.json()["data"]["flows"]
    user = User.objects.get(email=EMAIL)
    membership = Membership.objects.select_related("organization").get(user=user)
    assert (membership.role, membership.organization.is_personal) == (Role.OWNER, True)
    assert membership.organization.name == "ada"
    [message] = mailbox.mails()
    assert message.recipients == EMAIL
    assert message.subject == "Welcome: confirm your e-mail address"
    assert link_key(message.text) == link_key(message.html)


def test_confirmed_address_signs_in_and_the_token_opens_the_api(app):
    # given
    sign_up(app)
    key = link_key(mailbox.mails()[0].text)
    assert post(app, "/auth/login", {"email": EMAIL, "password": PASSWORD}).status_code == 401

    # when
    assert post(app, "/auth/email/verify", {"key": key}).status_code == 401
    token = post(app, "/auth/login", {"email": EMAIL, "password": PASSWORD}).json()["meta"]["session_token"]

    # then
    me = app.get("/v1/me", headers={"X-Session-Token": token})
    assert (me.status_code, me.json()["email"], me.json()["role"]) == (200, EMAIL, "owner")
    signed_out = app.delete(f"{APP}/auth/session", headers={"X-Session-Token": token})
    assert signed_out.status_code == 401
    assert app.get("/v1/me", headers={"X-Session-Token": token}).status_code == 401


def test_reset_password_goes_through_the_mail_and_works_once(app):
    # given
    user, _ = create_user_with_organization(EMAIL, PASSWORD)
    old = post(app, "/auth/login", {"email": EMAIL, "password": PASSWORD}).json()["meta"]["session_token"]

    # when
    asked = post(app, "/auth/password/request", {"email": EMAIL})
    key = link_key(mailbox.mails()[0].text)
    body = {"key": key, "password": "another long passphrase"}
    changed, again = (post(app, "/auth/password/reset", body) for _ in range(2))

    # then
    assert asked.status_code == 200
    assert "reset-password" in mailbox.mails()[1].text
    assert changed.status_code in {200, 401}
    assert again.status_code == 400
    assert post(app, "/auth/login", {"email": EMAIL, "password": PASSWORD}).status_code == 400
    assert post(app, "/auth/login", {"email": EMAIL, "password": body["password"]}).status_code == 200
    # Sessions from before the new password are over.
    assert app.get("/v1/me", headers={"X-Session-Token": old}).status_code == 401
    user.refresh_from_db()
    assert user.check_password(body["password"])


def test_browser_signs_in_with_a_cookie_and_needs_the_csrf_token(db):
    # given
    create_user_with_organization(EMAIL, PASSWORD)
    browser = APIClient(enforce_csrf_checks=True)
    browser.get(f"{BROWSER}/config")
    body = {"email": EMAIL, "password": PASSWORD}

    # when
    without = browser.post(f"{BROWSER}/auth/login", body, format="json")
    answer = browser.post(f"{BROWSER}/auth/login", body, format="json", headers=csrf(browser))

    # then
    assert without.status_code == 403
    assert answer.status_code == 200
    assert browser.cookies["session"]["httponly"]
    assert browser.cookies["session"]["samesite"] == "Lax"
    assert browser.get("/v1/me").json()["email"] == EMAIL


@pytest.fixture
def work():
    """Calls something and tells (its status, its body, passwords hashed, mails sent)."""

    def measure(call):
        CountingHasher.hashed, before = 0, len(mailbox.mails())
        answer = call()
        body = answer.json()
        body.get("meta", {}).pop("session_token", None)
        return answer.status_code, body, CountingHasher.hashed, len(mailbox.mails()) - before

    return measure


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/login", {"password": "a wrong password"}),
        ("/auth/password/request", {}),
        ("/auth/signup", {"password": PASSWORD}),
    ],
    ids=["login", "reset", "sign-up"],
)
def test_known_and_unknown_addresses_cannot_be_told_apart(app, work, path, body):
    # given
    create_user_with_organization("known@example.com", PASSWORD)

    # when
    known = work(lambda: post(app, path, {"email": "known@example.com", **body}))
    unknown = work(lambda: post(APIClient(), path, {"email": "unknown@example.com", **body}))

    # then
    assert known == unknown
    assert User.objects.filter(email="known@example.com").count() == 1


def test_repeated_sign_up_with_a_known_address_works_as_long_each_time(app, work):
    # given
    create_user_with_organization(EMAIL, PASSWORD)

    # when
    first, second = (work(lambda: sign_up(APIClient())) for _ in range(2))

    # then
    assert first[:3] == second[:3]
    assert first[2] == 1


def test_sign_up_that_fails_leaves_nothing(app, monkeypatch):
    # given
    def fail(*args, **kwargs):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("accounts.organizations.audit.record", fail)
    app.raise_request_exception = False

    # when
    answer = sign_up(app)

    # then
    assert answer.status_code == 500
    assert not User.objects.filter(email=EMAIL).exists()
    assert not Organization.objects.filter(name="ada").exists()


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"email": "a@b.co", "password": "\\ud800 and so on"}',
     b'{"email": "a@b.co\\u0000", "password": "correct horse"}', b'{"email": {}, "password": []}', b"{}",
     b'{"email": "' + b"a" * 300_000 + b'"}'],
    ids=["syntax", "list", "text", "bytes", "deep", "surrogate", "nul", "types", "empty", "huge"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/auth/signup", "/auth/login", "/auth/password/request", "/auth/email/verify"])
def test_odd_bodies_are_400(app, path, body):
    # when
    answer = app.post(f"{APP}{path}", body, content_type="application/json")

    # then
    assert answer.status_code == 400
    assert not User.objects.filter(email="a@b.co").exists()


def test_guessing_a_password_is_stopped(app):
    # given
    create_user_with_organization(EMAIL, PASSWORD)

    # when
    answers = [post(app, "/auth/login", {"email": EMAIL, "password": f"guess {n} of many"}) for n in range(6)]

    # then
    assert [answer.status_code for answer in answers] == [400] * 6
    assert answers[4].json()["errors"][0]["code"] == "email_password_mismatch"
    assert answers[5].json()["errors"][0]["code"] == "too_many_login_attempts"


def test_attempts_are_counted_by_the_address_the_edge_saw(app):
    # when
    body = {"email": "not an address", "password": "x"}
    answers = [
        post(app, "/auth/signup", body, **{"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.7"}) for n in range(21)
    ]
    other = post(app, "/auth/signup", body, **{"X-Forwarded-For": "203.0.113.7, 203.0.113.8"})

    # then
    assert [answer.status_code for answer in answers] == [400] * 20 + [429]
    assert other.status_code == 400


def test_signing_up_does_not_fail_with_the_mail_server(app, settings):
    # given
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    # when
    answer = sign_up(app)

    # then
    assert answer.status_code == 401
    assert User.objects.filter(email=EMAIL).exists()


def test_signed_up_user_is_in_the_trail(app):
    sign_up(app)

    user = User.objects.get(email=EMAIL)
    assert AuditEntry.objects.get(actor=user).action == "organization.created"


def test_of_sign_ups_at_once_with_one_address_one_makes_a_user(committed):
    # given
    email, barrier, statuses = f"{uuid4().hex}@example.com", Barrier(6), []

    def sign_up_at_once():
        client = APIClient()
        barrier.wait()
        statuses.append(sign_up(client, email=email).status_code)
        connection.close()

    # when
    threads = [Thread(target=sign_up_at_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # then
    assert statuses == [401] * 6
    assert User.objects.filter(email=email).count() == 1
    assert Membership.objects.filter(user__email=email).count() == 1
