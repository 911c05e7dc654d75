"""What a person does in the studio, by the words they read there."""

import io
import re
import time
import wave

from PIL import Image
from playwright.sync_api import expect

from tests.factories import PASSWORD

# A whole job, from the click to the picture, with every process of the stack on the same small machine.
JOB_MILLISECONDS = 60_000
ENDED = re.compile("succeeded|failed|canceled|expired")
PHONE = {"width": 390, "height": 844}


def sign_in(page, email, password=PASSWORD):
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_up(page, email):
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Look into your inbox")).to_be_visible()


def follow_mail(page, email):
    """Open the newest mail to the address in the development mailbox, and the link in it."""
    page.goto("/mailbox/")
    page.get_by_role("listitem").filter(has_text=email).first.get_by_role("link").click()
    page.wait_for_url("**/mailbox/*.*")
    link = page.locator("pre a[href*='/account/']")
    expect(link).to_have_count(1)
    page.goto(link.get_attribute("href"))


def choose(page, operation):
    page.get_by_role("button", name="Operation:").click()
    page.get_by_role("radio", name=operation).click()


def send(page, operation):
    """Press the button once the price is on the screen; the card of the new job."""
    expect(page.locator("#feed")).not_to_have_attribute("aria-busy", "true")
    cards = page.locator("article.job")
    before = cards.count()
    button = page.locator("#send")
    expect(button).to_have_accessible_name(operation)
    expect(button).to_be_enabled(timeout=15_000)
    button.click()
    expect(cards).to_have_count(before + 1)
    return cards.first


def watch(card):
    """Every share of the bar that was seen until the job ended."""
    seen = []
    until = time.monotonic() + JOB_MILLISECONDS / 1000
    while time.monotonic() < until and card.get_attribute("data-status") in {"queued", "running"}:
        # In one step: the bar may go at any moment.
        bars = card.get_by_role("progressbar")
        shares = bars.evaluate_all("bars => bars.map((bar) => Number(bar.getAttribute('aria-valuenow')))")
        seen += [share for share in shares if not seen or seen[-1] != share]
    return seen


def ended(card, status):
    expect(card).to_have_attribute("data-status", ENDED, timeout=JOB_MILLISECONDS)
    assert card.get_attribute("data-status") == status, card.inner_text()


def natural_size(card, index=0):
    """Width and height of a picture in a card, as the browser decoded it."""
    image = card.locator(".shot img").nth(index)
    expect(image).to_have_class("checker loaded")
    return tuple(image.evaluate("image => [image.naturalWidth, image.naturalHeight]"))


def linked_picture(page, card):
    """The bytes behind the link of a card's picture, fetched as anybody could who was given it."""
    card.get_by_role("button", name="Open picture 1").click()
    link = page.get_by_role("link", name="Download").get_attribute("href")
    page.get_by_role("button", name="Close").click()
    answer = page.context.browser.new_context().request.get(link)
    assert answer.status == 200
    return Image.open(io.BytesIO(answer.body()))


def available(page):
    """The credits in the top bar, once they have stopped counting."""
    expect(page.locator(".balance .figure")).not_to_have_text("–")
    expect(page.locator(".balance[data-moved]")).to_have_count(0)
    return int(page.locator(".balance .figure").inner_text().replace(",", ""))


def photograph(width=1200, height=800):
    """A file to upload: a JPEG with as much detail as a camera's."""
    content = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(content, "JPEG", quality=88)
    return {"name": "harbour.jpg", "mimeType": "image/jpeg", "buffer": content.getvalue()}


def recording(seconds=2.0, rate=16_000):
    """The bytes of a WAV of silence."""
    content = io.BytesIO()
    with wave.open(content, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(bytes(2 * int(seconds * rate)))
    return content.getvalue()
