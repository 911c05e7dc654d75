"""Acts of staff: each does what it says, once, with a reason, and leaves an audit entry; nobody else may."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from accounts import api_keys
from accounts.models import ApiKey, AuditEntry, Organization, User
from billing.models import Plan, PlanMembership
from core import clock
from generation.models import Job, ModelState, ProviderState, Status
from storage.models import Asset
from tests.desk import act, client_of, last_audit, page, told
from tests.factories import (
    AssetFactory,
    BanFactory,
    JobFactory,
    ModelStateFactory,
    PlanFactory,
    ProviderStateFactory,
    UserFactory,
)
from usage import ledger
from usage.models import Ban, Entitlement, Hold, LedgerEntry, Wallet

WHY = "asked for in ticket 4711"


@pytest.fixture
def desk(staff):
    return client_of(staff)


@pytest.fixture
def clerk(rows):
    """Staff who may look at everything and change nothing."""
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return client_of(user)


def permitted(*codenames):
    """Staff who hold just these permissions."""
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return client_of(user)


@pytest.fixture
def hold(funded):
    with_hold(funded.pk, "job:stuck", 40)
    return Hold.objects.get(reference="job:stuck")


def with_hold(organization_id, reference, credits):
    assert ledger._call("usage_hold", organization_id, reference, credits) is None


# --- what every act has in common ------------------------------------------------------------------------------------
def test_act_is_not_done_by_looking(desk, funded):
    # when
    desk.get(page(Wallet, "adjust", funded.pk), {"credits": "500", "reason": WHY, "_asked": "yes"})

    # then
    assert Wallet.objects.get(pk=funded.pk).available == 10_000


@pytest.mark.parametrize("reason", ["", "   "])
def test_act_needs_a_reason(desk, funded, reason):
    # when
    response = act(desk, page(Wallet, "adjust", funded.pk), credits="500", reason=reason)

    # then
    assert "This field is required" in response.content.decode()
    assert Wallet.objects.get(pk=funded.pk).available == 10_000
    assert not AuditEntry.objects.filter(action="wallet.adjusted").exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_clerk_may_look_and_not_act(clerk, funded, hold, owner, method):
    # given
    job, ban, provider, asset = JobFactory(), BanFactory(), ProviderStateFactory(), AssetFactory()
    acts = [
        page(Wallet, "adjust", funded.pk),
        page(Hold, "release", hold.pk),
        page(Job, "cancel", job.pk),
        page(Job, "retry", job.pk),
        page(ApiKey, "revoke", owner.api_keys.get().pk),
        page(Ban, "lift", ban.pk),
        page(Ban, "add"),
        page(ProviderState, "pause", provider.pk),
        page(User, "set_password", owner.pk),
        page(Asset, "place_hold", asset.pk),
        page(Asset, "lift_hold", asset.pk),
    ]

    # when
    answers = {url: getattr(clerk, method)(url, {"_asked": "yes", "reason": WHY}).status_code for url in acts}

    # then
    assert set(answers.values()) == {403}
    assert clerk.get(page(Job, "change", job.pk)).status_code == 200
    assert not AuditEntry.objects.filter(reason=WHY).exists()


def test_clerk_is_offered_no_act(clerk):
    # given
    job = JobFactory()

    # then
    assert page(Job, "cancel", job.pk) not in clerk.get(page(Job, "change", job.pk)).content.decode()


# --- credits ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("credits", "after"), [("500", 10_500), ("-400", 9_600)])
def test_credits_are_adjusted(desk, staff, funded, credits, after):
    # when
    response = act(desk, page(Wallet, "adjust", funded.pk), credits=credits, reason=WHY)

    # then
    assert told(response) == [f"{int(credits):+,} credits for {funded.organization}."]
    assert Wallet.objects.get(pk=funded.pk).available == after
    entry = LedgerEntry.objects.get(wallet=funded, kind="adjust")
    assert (entry.available, entry.actor, entry.reason) == (int(credits), staff, WHY)
    audit = last_audit()
    assert (audit.action, audit.actor, audit.organization_id) == ("wallet.adjusted", staff, funded.pk)
    assert (audit.reason, audit.facts["credits"], audit.facts["reference"]) == (WHY, int(credits), entry.reference)
    assert ledger.verify().ok


def test_form_that_is_sent_twice_adjusts_once(desk, funded):
    # given
    url = page(Wallet, "adjust", funded.pk)
    token = desk.get(url).context["form"]["token"].value()
    form = {"_asked": "yes", "token": str(token), "credits": "500", "reason": WHY}

    # when
    desk.post(url, form)
    desk.post(url, form)

    # then
    assert Wallet.objects.get(pk=funded.pk).available == 10_500
    assert AuditEntry.objects.filter(action="wallet.adjusted").count() == 1


def test_more_than_there_is_is_not_taken_unless_into_debt(desk, funded):
    # when
    refused = act(desk, page(Wallet, "adjust", funded.pk), credits="-10001", reason=WHY)

    # then
    assert told(refused) == [f"{funded.organization}: The wallet does not hold enough credits for this."]
    assert Wallet.objects.get(pk=funded.pk).available == 10_000
    assert not AuditEntry.objects.filter(action="wallet.adjusted").exists()

    # when
    act(desk, page(Wallet, "adjust", funded.pk), credits="-10001", into_debt="on", reason=WHY)

    # then
    wallet = Wallet.objects.get(pk=funded.pk)
    assert (wallet.available, wallet.debt) == (0, 1)


def test_first_credits_open_the_wallet(desk, organization):
    # when
    act(desk, page(Wallet, "adjust", organization.pk), credits="500", reason=WHY)

    # then
    assert Wallet.objects.get(pk=organization.pk).available == 500


def test_stuck_hold_is_released(desk, staff, hold):
    # when
    response = act(desk, page(Hold, "release", hold.pk), reason=WHY)

    # then
    assert told(response) == ["40 credits were given back."]
    hold.refresh_from_db()
    wallet = Wallet.objects.get(pk=hold.wallet_id)
    assert (hold.state, wallet.available, wallet.held) == ("released", 10_000, 0)
    entry = LedgerEntry.objects.get(reference="release:job:stuck")
    assert (entry.actor, entry.reason) == (staff, WHY)
    assert (last_audit().action, last_audit().reason) == ("hold.released", WHY)


def test_hold_that_was_settled_meanwhile_stays_settled(desk, hold):
    # given
    url = page(Hold, "release", hold.pk)
    desk.get(url)
    ledger._call("usage_settle", hold.reference, 40)

    # when
    response = act(desk, url, reason=WHY)

    # then
    assert told(response) == ["The hold was closed before; nothing moved."]
    assert Wallet.objects.get(pk=hold.wallet_id).available == 9_960
    assert not AuditEntry.objects.filter(action="hold.released").exists()


# --- jobs ------------------------------------------------------------------------------------------------------------
def test_queued_job_is_canceled(desk, staff, funded):
    # given
    job = JobFactory(organization=funded.organization)
    with_hold(funded.pk, f"job:{job.pk}", 40)

    # when
    response = act(desk, page(Job, "cancel", job.pk), reason=WHY)

    # then
    job.refresh_from_db()
    assert told(response) == [f"{job} was canceled before it ran; its credits are free again."]
    assert (job.status, job.charged_credits, job.events.get().type) == (Status.CANCELED, 0, "job.canceled")
    assert Wallet.objects.get(pk=funded.pk).available == 10_000
    audit = last_audit()
    assert (audit.action, audit.actor, audit.organization_id, audit.reason) == (
        "job.canceled_by_staff",
        staff,
        funded.pk,
        WHY,
    )
    assert audit.facts == {"jobId": str(job.pk), "effect": "prevented"}


def test_job_that_ended_is_left_alone(desk):
    # given
    job = JobFactory(succeeded=True)

    # when
    response = act(desk, page(Job, "cancel", job.pk), reason=WHY)

    # then
    assert told(response) == [f"{job} had ended before; nothing was changed."]
    assert Job.objects.get(pk=job.pk).status == Status.SUCCEEDED
    assert not AuditEntry.objects.filter(action="job.canceled_by_staff").exists()


def test_chosen_jobs_are_canceled_together(desk, organization):
    # given
    queued, running, ended = JobFactory(), JobFactory(running=True), JobFactory(failed=True)
    choice = {"action": "cancel_selected", "_selected_action": [str(job.pk) for job in (queued, running, ended)]}

    # when
    asked = desk.post(page(Job, "changelist"), choice)
    done = desk.post(page(Job, "changelist"), choice | _filled(asked), follow=True)

    # then
    assert len(told(done)) == 3
    assert Job.objects.get(pk=queued.pk).status == Status.CANCELED
    assert Job.objects.get(pk=running.pk).cancel_requested_at
    assert AuditEntry.objects.filter(action="job.canceled_by_staff", reason=WHY).count() == 2


def test_failed_job_runs_again_in_its_owners_name(desk, staff, funded, owner):
    # given
    job = JobFactory(failed=True, organization=funded.organization, user=owner)

    # when
    act(desk, page(Job, "retry", job.pk), reason=WHY)

    # then
    again = Job.objects.get(retry_of=job)
    assert (again.user, again.organization, again.input, again.status) == (
        owner,
        funded.organization,
        job.input,
        Status.QUEUED,
    )
    assert Wallet.objects.get(pk=funded.pk).held == again.held_credits
    audit = last_audit()
    assert (audit.action, audit.actor, audit.reason) == ("job.retried_by_staff", staff, WHY)
    assert audit.facts == {"jobId": str(job.pk), "retryId": str(again.pk)}


def test_form_that_is_sent_twice_retries_once(desk, funded, owner):
    # given
    job = JobFactory(failed=True, organization=funded.organization, user=owner)
    url = page(Job, "retry", job.pk)
    form = _filled(desk.get(url))

    # when
    desk.post(url, form)
    desk.post(url, form)

    # then
    assert Job.objects.filter(retry_of=job).count() == 1
    assert AuditEntry.objects.filter(action="job.retried_by_staff").count() == 1


@pytest.mark.parametrize("why", ["succeeded", "no credits", "owner gone"])
def test_job_that_cannot_run_again_is_told(desk, organization, owner, why):
    # given
    state = {"succeeded": why == "succeeded", "failed": why != "succeeded"}
    job = JobFactory(organization=organization, user=owner, **state)
    if why == "owner gone":
        owner.memberships.all().delete()

    # when
    response = act(desk, page(Job, "retry", job.pk), reason=WHY)

    # then
    assert told(response)[0].startswith(f"{job}: ")
    assert Job.objects.get(organization=organization) == job
    assert not AuditEntry.objects.filter(action="job.retried_by_staff").exists()


# --- access ----------------------------------------------------------------------------------------------------------
def test_key_is_revoked(desk, staff, owner, api):
    # given
    key = owner.api_keys.get()
    assert api_keys.authenticate(owner.secret)

    # when
    act(desk, page(ApiKey, "revoke", key.pk), reason=WHY)

    # then
    assert api_keys.authenticate(owner.secret) is None
    entry = AuditEntry.objects.get(reason=WHY)
    assert (entry.actor, entry.organization, entry.facts["apiKeyId"]) == (staff, owner.organization, str(key.pk))


@pytest.mark.parametrize("subject", ["organization", "user"])
def test_ban_is_imposed_and_lifted(desk, staff, funded, owner, subject):
    # given
    subject_id = {"organization": funded.pk, "user": owner.pk}[subject]
    assert ledger.refusal_of(funded.pk, owner.pk, 1) is None

    # when
    desk.post(page(Ban, "add"), {subject: str(subject_id), "reason": WHY})

    # then
    ban = Ban.objects.get()
    assert ledger.refusal_of(funded.pk, owner.pk, 1) == "banned"
    assert (ban.created_by, ban.reason, last_audit().action, last_audit().reason) == (staff, WHY, "ban.imposed", WHY)

    # when
    act(desk, page(Ban, "lift", ban.pk), reason="it was somebody else")

    # then
    assert ledger.refusal_of(funded.pk, owner.pk, 1) is None
    assert (last_audit().action, last_audit().reason) == ("ban.lifted", "it was somebody else")


def test_second_ban_is_refused(desk):
    # given
    ban = BanFactory()

    # when
    response = desk.post(page(Ban, "add"), {"organization": str(ban.organization_id), "reason": WHY})

    # then
    assert "There is a ban in force already." in response.content.decode()
    assert Ban.objects.count() == 1


@pytest.mark.parametrize("both", [True, False])
def test_ban_has_one_subject(desk, owner, both):
    # given
    subjects = {"organization": str(owner.organization.pk), "user": str(owner.pk)} if both else {}

    # when
    response = desk.post(page(Ban, "add"), {**subjects, "reason": WHY})

    # then
    assert "name one of them" in response.content.decode()
    assert not Ban.objects.exists()


def test_user_is_switched_off_with_a_reason(desk, staff, owner):
    # given
    form = {"email": owner.email, "name": owner.name, "reason": WHY}

    # when
    desk.post(page(User, "change", owner.pk), form)

    # then
    owner.refresh_from_db()
    assert not owner.is_active
    assert api_keys.authenticate(owner.secret) is None
    assert (last_audit().action, last_audit().actor, last_audit().reason) == ("user.changed", staff, WHY)
    assert last_audit().facts == {"id": str(owner.pk), "is_active": "True → False"}


def test_user_is_not_changed_without_a_reason(desk, owner):
    # when
    response = desk.post(page(User, "change", owner.pk), {"email": owner.email, "name": "Eve", "is_active": "on"})

    # then
    assert response.status_code == 200
    assert User.objects.get(pk=owner.pk).name == "Ada"


def test_new_user_gets_an_organization(desk):
    # when
    form = {"email": "Grace@Example.com", "name": "Grace", "password": "a long enough one", "reason": WHY}
    response = desk.post(page(User, "add"), form)

    # then
    user = User.objects.get(email="grace@example.com")
    assert response.status_code == 302
    assert user.check_password("a long enough one")
    assert Organization.objects.for_user(user).get().is_personal
    entry = AuditEntry.objects.get(action="user.added")
    assert (entry.reason, entry.facts["email"]) == (WHY, "grace@example.com")
    assert "a long enough one" not in str(entry.facts)


def test_password_is_set(desk, owner):
    # given
    signed_in = client_of(owner)

    # when
    act(desk, page(User, "set_password", owner.pk), password="a long enough one", reason=WHY)

    # then
    assert User.objects.get(pk=owner.pk).check_password("a long enough one")
    assert "_auth_user_id" not in signed_in.get("/").wsgi_request.session or not (
        signed_in.get("/").wsgi_request.user.is_authenticated
    )
    assert (last_audit().action, last_audit().reason) == ("user.password_set", WHY)


def test_only_superusers_make_staff_or_touch_them(owner, staff):
    # given
    support = permitted("view_user", "change_user", "add_user", "view_group", "change_group")
    form = {"email": owner.email, "name": "New", "is_active": "on", "is_staff": "on", "is_superuser": "on"}

    # when
    changed = support.post(page(User, "change", owner.pk), form | {"reason": WHY})
    on_staff = support.post(page(User, "change", staff.pk), form | {"email": staff.email, "reason": WHY})
    password = support.get(page(User, "set_password", staff.pk))
    group = support.post(page(Group, "add"), {"name": "Everything", "reason": WHY})

    # then
    owner.refresh_from_db()
    assert (changed.status_code, owner.name, owner.is_staff, owner.is_superuser) == (302, "New", False, False)
    assert (on_staff.status_code, password.status_code, group.status_code) == (403, 403, 403)


def test_address_counts_as_verified(desk, owner):
    # given
    address = EmailAddress.objects.create(user=owner, email=owner.email)

    # when
    act(desk, reverse("admin:account_emailaddress_verify", args=[address.pk]), reason=WHY)

    # then
    address.refresh_from_db()
    assert address.verified
    assert (last_audit().action, last_audit().facts["email"]) == ("email.verified_by_staff", owner.email)


# --- limits, plans, providers ----------------------------------------------------------------------------------------
def test_limits_are_changed(desk, funded):
    # given
    form = {"weight": "4", "places": "20", "queued_jobs": "1000", "requests_per_minute": "60", "reason": WHY}

    # when
    desk.post(page(Entitlement, "change", funded.pk), form)

    # then
    assert Entitlement.objects.get(pk=funded.pk).requests_per_minute == 60
    audit = last_audit()
    assert (audit.action, audit.organization_id, audit.reason) == ("entitlement.changed", funded.pk, WHY)
    assert audit.facts == {"id": str(funded.pk), "weight": "1 → 4", "requests_per_minute": "600 → 60"}


def test_nothing_is_written_down_where_nothing_changed(desk, funded):
    # given
    form = {"weight": "1", "places": "20", "queued_jobs": "1000", "requests_per_minute": "600", "reason": WHY}

    # when
    desk.post(page(Entitlement, "change", funded.pk), form)

    # then
    assert not AuditEntry.objects.filter(action="entitlement.changed").exists()


def test_plan_is_changed(desk):
    # given
    plan = PlanFactory(title="Studio")
    form = {"title": "Studio", "monthly_credits": "20000", "weight": "1", "places": "20", "queued_jobs": "1000"}
    form |= {"requests_per_minute": "600", "price_cents": "0", "currency": "usd", "reason": WHY, "slug": "other"}

    # when
    desk.post(page(Plan, "change", plan.pk), form)

    # then
    changed = Plan.objects.get(pk=plan.pk)
    assert (changed.slug, changed.monthly_credits) == (plan.slug, 20_000)
    assert last_audit().facts == {"id": str(plan.pk), "monthly_credits": "10000 → 20000"}


def test_organization_is_put_on_a_plan(desk, staff, organization):
    # given
    plan = PlanFactory(monthly_credits=700, places=3)

    # when
    act(desk, page(PlanMembership, "change_plan", organization.pk), plan=str(plan.pk), reason=WHY)

    # then
    assert PlanMembership.objects.get(pk=organization.pk).plan == plan
    assert Wallet.objects.get(pk=organization.pk).available == 700
    assert Entitlement.objects.get(pk=organization.pk).places == 3
    assert (last_audit().action, last_audit().actor, last_audit().reason) == ("plan.joined", staff, WHY)


def test_provider_is_paused_and_resumed(desk):
    # given
    provider = ProviderStateFactory()

    # when
    act(desk, page(ProviderState, "pause", provider.pk), reason=WHY)

    # then
    assert ProviderState.objects.get(pk=provider.pk).is_paused
    assert (last_audit().action, last_audit().facts) == ("provider.paused", {"provider": provider.pk})

    # when
    act(desk, page(ProviderState, "resume", provider.pk), reason=WHY)

    # then
    assert not ProviderState.objects.get(pk=provider.pk).is_paused
    assert last_audit().action == "provider.resumed"


def test_new_cap_leaves_alone_what_claims_moved_meanwhile(desk, monkeypatch):
    # given
    provider = ProviderStateFactory(tokens=7)
    form = {"places": "5", "pace_per_minute": "60000", "reason": WHY}
    save = ProviderState.save

    def save_after_a_claim(self, *args, **kwargs):
        ProviderState.objects.filter(pk=self.pk).update(tokens=3)
        save(self, *args, **kwargs)

    monkeypatch.setattr(ProviderState, "save", save_after_a_claim)

    # when
    desk.post(page(ProviderState, "change", provider.pk), form)

    # then
    provider.refresh_from_db()
    assert (provider.places, provider.tokens) == (5, 3)
    assert last_audit().facts["places"] == "1000 → 5"


def test_model_is_switched_off(desk):
    # given
    model = ModelStateFactory()

    # when
    desk.post(page(ModelState, "change", model.pk), {"places": "1000", "reason": WHY})

    # then
    assert not ModelState.objects.get(pk=model.pk).is_enabled
    assert (last_audit().action, last_audit().facts["is_enabled"]) == ("model.changed", "True → False")


def _filled(asked):
    return {"_asked": "yes", "token": str(asked.context["form"]["token"].value()), "reason": WHY}


# --- legal holds -----------------------------------------------------------------------------------------------------
def test_asset_is_put_on_legal_hold_and_let_go(desk, staff):
    # given
    asset = AssetFactory()

    # when
    act(desk, page(Asset, "place_hold", asset.pk), reason=WHY)
    again = act(desk, page(Asset, "place_hold", asset.pk), reason="again")

    # then
    assert Asset.objects.get(pk=asset.pk).legal_hold
    assert told(again) == [f"{asset} was on legal hold before."]
    placed = AuditEntry.objects.get(organization=asset.organization, action="asset.put_on_legal_hold")
    assert (placed.actor, placed.reason, placed.facts) == (staff, WHY, {"assetId": str(asset.pk)})

    # when
    act(desk, page(Asset, "lift_hold", asset.pk), reason=WHY)

    # then
    assert not Asset.objects.get(pk=asset.pk).legal_hold
    assert (last_audit().action, last_audit().reason) == ("asset.legal_hold_lifted", WHY)


def test_deleted_asset_is_put_on_no_legal_hold(desk):
    # given
    asset = AssetFactory(deleted_at=clock.now(), blob=None)

    # when
    response = act(desk, page(Asset, "place_hold", asset.pk), reason=WHY)

    # then
    assert told(response) == [f"{asset}: There is no such asset."]
    assert not Asset.objects.get(pk=asset.pk).legal_hold
    assert page(Asset, "place_hold", asset.pk) not in desk.get(page(Asset, "change", asset.pk)).content.decode()
