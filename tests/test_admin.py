"""The operations desk: every page opens in a few queries, records cannot be edited, and nothing secret is shown."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Organization,
    SocketTicket,
    User,
)
from core.models import IdempotencyRecord
from generation.models import Attempt, Job, JobEvent
from storage.models import Archive, Asset, Blob, CollectionEntry, Favourite
from tests.desk import OURS, client_of, models, name_of, page, row_of
from tests.factories import (
    PASSWORD,
    AssetFactory,
    AttemptFactory,
    InvitationFactory,
    JobEventFactory,
    JobFactory,
    RenditionFactory,
    UserFactory,
)
from usage.models import Grant, Hold, LedgerEntry, Price, UsageRecord, Wallet

MOST_QUERIES_OF_A_LIST = 12
MOST_QUERIES_OF_A_PAGE = 30
# Written by the product alone; some have acts of staff, none has a form.
RECORDS = [
    ApiKey,
    Asset,
    Attempt,
    AuditEntry,
    Blob,
    Grant,
    Hold,
    IdempotencyRecord,
    Invitation,
    Job,
    JobEvent,
    LedgerEntry,
    Membership,
    Organization,
    Price,
    UsageRecord,
    Wallet,
]
OWN = [model for model in models() if model._meta.app_label != "djstripe"]
# All of dj-stripe's are dressed alike; these also hold keys.
MIRRORED = [model for model in models("djstripe") if model.__name__ in {"APIKey", "Customer", "WebhookEndpoint"}]


@pytest.fixture
def desk(staff):
    return client_of(staff)


def test_each_model_of_ours_has_a_page():
    ours = {model for label in OURS for model in apps.get_app_config(label).get_models()}

    # Tickets and archives live for minutes and say nothing by themselves; the others only join two rows.
    assert ours - set(admin.site._registry) == {SocketTicket, Archive, Favourite, CollectionEntry}


@pytest.mark.parametrize("model", models(), ids=name_of)
def test_list_opens_in_as_many_queries_for_more_rows(desk, model):
    # given
    row_of(model)
    with CaptureQueriesContext(connection) as of_one:
        assert desk.get(page(model, "changelist")).status_code == 200
    for _ in range(3):
        row_of(model)

    # when
    with CaptureQueriesContext(connection) as of_four:
        response = desk.get(page(model, "changelist"))

    # then
    assert response.status_code == 200
    assert len(of_four) <= len(of_one) <= MOST_QUERIES_OF_A_LIST


@pytest.mark.parametrize("model", models(), ids=name_of)
def test_page_opens(desk, model):
    # given
    row = row_of(model)

    # when
    with CaptureQueriesContext(connection) as queries:
        response = desk.get(page(model, "change", row.pk))

    # then
    assert response.status_code == 200
    assert len(queries) <= MOST_QUERIES_OF_A_PAGE


@pytest.mark.parametrize("model", [*OWN, *MIRRORED], ids=name_of)
def test_nothing_is_deleted(desk, model):
    # given
    row = row_of(model)

    # when
    response = desk.post(page(model, "delete", row.pk), {"post": "yes"})
    desk.post(page(model, "changelist"), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})

    # then
    assert response.status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", [*RECORDS, *MIRRORED], ids=name_of)
def test_record_is_neither_added_nor_changed(desk, model):
    # given
    row = row_of(model)
    before = model.objects.filter(pk=row.pk).values().get()

    # when
    changed = desk.post(page(model, "change", row.pk), dict.fromkeys(before, "1"))
    added = desk.post(page(model, "add"), {})

    # then
    assert (changed.status_code, added.status_code) == (403, 403)
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", [*OWN, *MIRRORED], ids=name_of)
def test_search_takes_anything(desk, model):
    row_of(model)

    for typed in (" ", "nobody@example.com", "11111111-1111-7111-8111-111111111111", "job:1", "%_'\"", "x" * 300):
        assert desk.get(page(model, "changelist"), {"q": typed}).status_code == 200, typed


@pytest.mark.parametrize("find", ["id", "email", "organization"])
def test_job_is_found(desk, find):
    # given
    job, other = JobFactory(), JobFactory()
    term = {"id": job.pk, "email": job.user.email.upper(), "organization": job.organization_id}[find]

    # when
    content = desk.get(page(Job, "changelist"), {"q": str(term)}).content.decode()

    # then
    assert str(job.pk) in content
    assert str(other.pk) not in content


@pytest.mark.parametrize("by", ["name", "address"])
def test_organization_of_many_is_found_once(desk, organization, owner, teammate, by):
    # when
    term = {"name": organization.name, "address": teammate.email}[by]
    found = desk.get(page(Organization, "changelist"), {"q": term}).context["cl"].result_list

    # then
    assert [row.pk for row in found].count(organization.pk) == 1


def test_jobs_are_filtered_by_status_and_organization(desk):
    # given
    job = JobFactory()
    JobFactory(), JobFactory(failed=True, organization=job.organization)

    # when
    response = desk.get(
        page(Job, "changelist"), {"status__exact": "queued", "organization__id__exact": str(job.organization_id)}
    )

    # then
    assert [row.pk for row in response.context["cl"].result_list] == [job.pk]


def test_large_table_is_not_counted(desk, monkeypatch):
    # given
    monkeypatch.setattr("core.desk.paginator.MOST_COUNTED", 2)
    JobFactory.create_batch(3)

    # when
    content = desk.get(page(Job, "changelist")).content.decode()

    # then
    assert re.search(r"about \d+ jobs", content)


def test_prompt_is_on_the_page_of_its_job_alone(desk):
    # given
    attempt = AttemptFactory(job__input={"prompt": "a very private lighthouse"})
    job = attempt.job
    JobEventFactory(job=job)
    pages = [page(model, "changelist") for model in (Job, Attempt, JobEvent, Organization, UsageRecord)] + [
        page(Attempt, "change", attempt.pk),
        page(Organization, "change", job.organization_id),
    ]

    # when
    shown = [url for url in pages if "lighthouse" in desk.get(url).content.decode()]

    # then
    assert shown == []
    assert "a very private lighthouse" in desk.get(page(Job, "change", job.pk)).content.decode()


def test_job_page_tells_its_attempts_and_events_in_order(desk):
    # given
    job = JobFactory(running=True, attempts_made=2, seq=3)
    AttemptFactory(job=job, number=1, step="ended", outcome="failed", lease_until=None, ended_at=job.started_at)
    AttemptFactory(job=job, number=2, task_id="provider-task-2")
    for seq, kind in ((3, "job.progress"), (1, "job.queued"), (2, "job.started")):
        JobEventFactory(job=job, seq=seq, type=kind)

    # when
    content = desk.get(page(Job, "change", job.pk)).content.decode()

    # then
    places = [content.index(kind) for kind in ("job.queued", "job.started", "job.progress")]
    assert places == sorted(places)
    assert content.index("Attempts</h2>") < content.index("provider-task-2") < content.index("Events</h2>")


def test_picture_is_shown_by_a_signed_link(desk, settings):
    # given
    asset = AssetFactory()

    # when
    content = desk.get(page(Asset, "change", asset.pk)).content.decode()

    # then
    assert f'<img src="{settings.CDN_BASE_URL}/' in content
    assert "&amp;signature=" in content


def test_picture_with_a_thumbnail_is_shown_by_that(desk):
    # given
    asset = AssetFactory()
    RenditionFactory(blob=asset.blob, variant="webp-160", object_key="renditions/small")

    # when
    content = desk.get(page(Asset, "change", asset.pk)).content.decode()

    # then
    assert re.search(r'<img src="[^"]*/renditions/small\?[^"]*&amp;signature=', content)
    assert re.search(rf'<a href="[^"]*/{asset.blob.object_key}\?', content)


def test_organization_page_leads_on(desk, organization, owner, funded):
    # given
    job = JobFactory(organization=organization, user=owner)

    # when
    content = desk.get(page(Organization, "change", organization.pk)).content.decode()

    # then
    for url in (
        page(Job, "change", job.pk),
        page(User, "change", owner.pk),
        page(Wallet, "change", organization.pk),
        page(Wallet, "adjust", organization.pk),
        page(ApiKey, "change", owner.api_keys.get().pk),
    ):
        assert url in content
    assert "10,000" in content


def test_no_secret_is_shown(desk, owner):
    # given
    key = owner.api_keys.get()
    invitation = InvitationFactory(organization=owner.organization)
    User.objects.filter(pk=owner.pk).update(password="leak_of_password_hash")
    secrets = [owner.secret, owner.secret[16:48], "leak_", key.secret_sha256.hex(), invitation.token_sha256.hex()]
    rows = [owner, key, invitation, *(row_of(model) for model in models() if model._meta.app_label not in OURS)]

    # when
    pages = [page(type(row), name, *args) for row in rows for name, args in (("changelist", ()), ("change", (row.pk,)))]
    found = {(url, secret) for url in pages for secret in secrets if secret in desk.get(url).content.decode()}

    # then
    assert found == set()


def test_front_page_names_what_staff_may_see(desk, django_user_model):
    # given
    clerk = client_of(UserFactory(is_staff=True))

    # then
    assert page(Job, "changelist") in desk.get(reverse("admin:index")).content.decode()
    assert page(Job, "changelist") not in clerk.get(reverse("admin:index")).content.decode()
    assert clerk.get(page(Job, "changelist")).status_code == 403


@pytest.mark.parametrize("who", ["nobody", "customer", "switched off"])
def test_only_staff_come_in(who, owner):
    # given
    client = Client()
    if who == "customer":
        client.force_login(owner)
    if who == "switched off":
        client.force_login(UserFactory(is_staff=True, is_superuser=True, is_active=False))

    # when
    response = client.get(page(Job, "changelist"))

    # then
    assert (response.status_code, response["Location"].split("?")[0]) == (302, reverse("admin:login"))


def test_staff_sign_in_on_the_page_of_the_admin(db):
    # given
    staff = UserFactory(is_staff=True, is_superuser=True)
    client = Client()

    # when
    response = client.post(
        reverse("admin:login"), {"username": staff.email, "password": PASSWORD, "next": reverse("admin:index")}
    )

    # then
    assert (response.status_code, response["Location"]) == (302, reverse("admin:index"))
    assert client.get(reverse("admin:index")).status_code == 200
