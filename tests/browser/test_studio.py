"""The studio in a real browser, before the real processes: what a newcomer does, and what they read when it fails."""

import re
import uuid

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import expect

from tests.browser import pages
from tests.factories import MembershipFactory
from usage import ledger

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def person(owner):
    """The owner, with a confirmed address: without one nobody signs in."""
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    return owner


@pytest.fixture
def studio(open_page, person, funded):
    """Opens the studio signed in as the owner of an organization with 10,000 credits."""

    def studio(**options):
        page = open_page("/", **options)
        pages.sign_in(page, person.email)
        expect(page.get_by_label("Prompt", exact=True)).to_be_visible()
        return page

    return studio


@pytest.fixture
def newcomer():
    """An address nobody signed up with yet."""
    return f"ann-{uuid.uuid4().hex[:8]}@example.com"


def test_a_newcomer_signs_up_and_watches_a_picture_being_made(open_page, newcomer):
    # given
    page = open_page("/")
    page.get_by_role("link", name="Create one").click()
    pages.sign_up(page, newcomer)
    pages.follow_mail(page, newcomer)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    page.wait_for_url("**/account/sign-in")
    pages.sign_in(page, newcomer)
    expect(page.get_by_role("heading", name="What shall it be?")).to_be_visible()
    before = pages.available(page)

    # when
    page.get_by_label("Prompt", exact=True).fill("A lighthouse at dusk, waves breaking")
    page.get_by_text("More options").click()
    page.get_by_label("Latency seconds").fill("3")
    expect(page.locator("#quote")).to_contain_text("20 credits")
    card = pages.send(page, "Generate")
    expect(page.locator(".balance .held")).to_have_text("20 held")
    shares = pages.watch(card)

    # then
    pages.ended(card, "succeeded")
    assert len(shares) > 1, shares
    assert shares == sorted(shares)
    assert pages.natural_size(card) == (1024, 1024)
    expect(page.locator(".balance .held")).to_be_hidden()
    assert pages.available(page) == before - 20


def test_a_photograph_is_upscaled_and_reframed(studio):
    # given
    page = studio()
    pages.choose(page, "Upscale")
    page.locator(".asset-field input[type=file]").set_input_files(pages.photograph(1200, 800))
    expect(page.locator(".tile-facts")).to_contain_text("1200 × 800")

    # when
    large = pages.send(page, "Upscale")
    pages.ended(large, "succeeded")

    # then
    assert pages.natural_size(large) == (2400, 1600)
    assert pages.linked_picture(page, large).size == (2400, 1600)

    # when the same photograph, which stayed in the form, is given another shape
    pages.choose(page, "Reframe")
    page.get_by_role("radio", name="16:9").check(force=True)
    wide = pages.send(page, "Reframe")
    pages.ended(wide, "succeeded")

    # then nothing of it is cut
    width, height = pages.linked_picture(page, wide).size
    assert pages.natural_size(wide) == (width, height)
    assert height == 800
    assert width == pytest.approx(800 * 16 / 9, abs=1)


def test_a_result_is_the_input_of_the_next_operation(studio):
    # given
    page = studio()
    page.get_by_label("Prompt", exact=True).fill("A red kite over dunes")
    first = pages.send(page, "Generate")
    pages.ended(first, "succeeded")

    # when
    first.get_by_role("button", name="Upscale").click()
    second = pages.send(page, "Upscale")
    pages.ended(second, "succeeded")

    # then
    assert pages.natural_size(second) == (2048, 2048)


def test_a_prompt_that_is_refused_is_marked_where_it_stands(studio, complaints):
    # given
    page = studio()
    before = pages.available(page)

    # when
    page.get_by_label("Prompt", exact=True).fill("x" * 2001)

    # then
    field = page.locator("[data-field=prompt]")
    expect(field.locator(".error")).to_contain_text("2000")
    expect(field.locator("textarea")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#quote")).to_have_text("Please look at the marked field.")
    expect(page.locator("#send")).to_be_disabled()
    assert pages.available(page) == before
    # The browser writes each refused request to its console.
    assert complaints.pop().endswith("422 (Unprocessable Entity)") or complaints == []

    # when
    page.get_by_label("Prompt", exact=True).fill("x" * 2000)

    # then
    expect(field.locator(".error")).to_be_hidden()
    expect(page.locator("#send")).to_be_enabled(timeout=15_000)


def test_a_job_that_fails_says_why_and_costs_nothing(studio):
    # given
    page = studio()
    before = pages.available(page)
    page.get_by_label("Prompt", exact=True).fill("Something the provider refuses")
    page.get_by_text("More options").click()
    page.get_by_label("Fail with").select_option(label="Content policy")

    # when
    card = pages.send(page, "Generate")
    pages.ended(card, "failed")

    # then
    expect(card.get_by_role("alert")).to_contain_text(re.compile(r"\w+ \w+ \w+"))
    expect(card.locator(".meta")).to_contain_text("not charged")
    expect(card.get_by_role("button", name="Try again")).to_be_visible()
    assert pages.available(page) == before


def test_too_few_credits_are_said_before_anything_is_sent(studio, person, funded):
    # given
    ledger.adjust(funded.pk, credits=-9_985, reference=f"test:{uuid.uuid4()}", actor_id=person.pk, reason="test")
    page = studio()

    # when
    page.get_by_label("Prompt", exact=True).fill("A castle of cards")

    # then
    expect(page.locator("#quote")).to_have_text("Not enough credits: this costs 20, and 15 are available.")
    expect(page.locator("#send")).to_be_disabled()


def test_a_job_is_canceled_while_it_runs(studio):
    # given
    page = studio()
    before = pages.available(page)
    page.get_by_label("Prompt", exact=True).fill("A very slow river")
    page.get_by_text("More options").click()
    page.get_by_label("Latency seconds").fill("60")
    card = pages.send(page, "Generate")
    expect(card).to_have_attribute("data-status", "running")

    # when
    card.get_by_role("button", name="Cancel").click()

    # then
    pages.ended(card, "canceled")
    expect(page.locator(".balance .held")).to_be_hidden()
    assert pages.available(page) == before


def test_progress_goes_on_without_sockets(studio):
    # given a network that lets no socket through
    page = studio()
    page.route_web_socket(re.compile("/v1/ws"), lambda socket: socket.close())
    page.reload()
    page.get_by_label("Prompt", exact=True).fill("A lantern in fog")

    # when
    card = pages.send(page, "Generate")

    # then
    pages.ended(card, "succeeded")
    assert pages.natural_size(card) == (1024, 1024)


def test_the_studio_fits_a_phone(studio):
    # given
    page = studio(viewport=pages.PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
    page.get_by_label("Prompt", exact=True).fill("A small boat, far out")
    card = pages.send(page, "Generate")
    pages.ended(card, "succeeded")

    # when each view is opened
    for view in ("Library", "History", "Create"):
        page.get_by_role("link", name=view).click()
        expect(page.locator(f"#view-{view.lower()}")).to_be_visible()
        page.wait_for_load_state("networkidle")

        # then
        assert page.evaluate("document.documentElement.scrollWidth") == pages.PHONE["width"], view


def test_the_library_shows_and_deletes(studio):
    # given
    page = studio()
    page.get_by_role("link", name="Library").click()
    # The bytes go into the bucket and not through the app.
    with page.expect_request(lambda request: request.method == "PUT" and "/upload/" in request.url):
        page.get_by_label("Files to upload").set_input_files(pages.photograph(640, 480))
    picture = page.locator("#library-tiles .thumb[data-asset]")
    expect(picture).to_have_count(1)

    # when
    picture.click()
    expect(page.get_by_text("640 × 480")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete this for good?").get_by_role("button", name="Delete").click()

    # then
    expect(picture).to_have_count(0)
    expect(page.get_by_role("heading", name="Your library is empty")).to_be_visible()


def test_a_key_is_shown_once_works_and_is_revoked(studio):
    # given
    page = studio()
    page.goto("/account/keys")

    # when
    page.get_by_label("Name").fill("website backend")
    page.get_by_role("button", name="Create key").click()

    # then
    secret = page.locator("#fresh-key pre").first
    expect(secret).to_have_text(re.compile(r"^pk_live_\w+$"))
    headers = {"Authorization": f"Bearer {secret.inner_text()}"}
    stranger = page.context.browser.new_context(base_url=page.url).request
    assert stranger.get("/v1/balance", headers=headers).json()["available"] == 10_000

    # when
    page.reload()

    # then
    expect(page.get_by_text("website backend")).to_be_visible()
    expect(page.locator("#fresh-key")).to_be_empty()

    # when
    page.get_by_role("button", name="Revoke website backend").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()

    # then
    expect(page.get_by_text("website backend")).to_have_count(0)
    assert stranger.get("/v1/balance", headers=headers).status == 401


def test_a_wrong_password_is_said_at_the_field(open_page, owner, complaints):
    page = open_page("/account/sign-in")
    page.get_by_label("E-mail").fill(owner.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.locator("[data-field=password] .error")).to_contain_text("not correct")
    expect(page.get_by_label("Password")).to_be_focused()
    complaints.clear()


def test_a_key_page_asks_a_stranger_to_sign_in_and_comes_back(open_page, person):
    page = open_page("/account/keys")
    pages.sign_in(page, person.email)

    expect(page.get_by_role("heading", name="API keys")).to_be_visible()


def test_a_forgotten_password_is_replaced_through_the_mail(open_page, person):
    # given
    page = open_page("/account/sign-in")
    page.get_by_role("link", name="Forgotten?").click()
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look into your inbox")).to_be_visible()

    # when
    pages.follow_mail(page, person.email)
    page.get_by_label("New password").fill("an entirely other phrase")
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_role("heading", name="Your password is saved")).to_be_visible()
    page.get_by_role("link", name="To sign in").click()
    pages.sign_in(page, person.email, "an entirely other phrase")

    # then
    expect(page.get_by_label("Prompt", exact=True)).to_be_visible()


def test_after_the_switch_everything_belongs_to_the_other_organization(studio, person):
    # given
    other = MembershipFactory(user=person, organization__name="Acme Pictures").organization
    ledger.open_wallet(other.pk)
    ledger.grant(other.pk, kind="topup", credits=700, reference=f"test:{other.pk}")
    page = studio()
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket))

    # when
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("radio", name="Acme Pictures").click()
    expect(page.locator(".balance .figure")).to_have_text("700")
    page.get_by_label("Prompt", exact=True).fill("A lantern in fog")
    card = pages.send(page, "Generate")
    pages.ended(card, "succeeded")

    # then
    assert pages.available(page) == 680
    assert [socket.url.partition("?")[2] for socket in sockets] == [f"organization={other.pk}"]


def test_every_module_is_fetched_side_by_side(studio):
    # given
    page = studio()
    fetched = set()
    page.on("request", lambda request: fetched.add(request.url.rpartition("/")[2]))

    # when
    page.reload(wait_until="networkidle")

    # then
    links = page.locator("link[rel=modulepreload]").evaluate_all("links => links.map((link) => link.href)")
    announced = {link.rpartition("/")[2] for link in links}
    assert {name for name in fetched if re.fullmatch(r"\w+\.js", name)} == announced
