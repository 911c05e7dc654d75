"""The studio's library in a real browser: found, noted, collected, brought away; ten thousand as easily as ten."""

import hashlib
import io
import json
import re
import uuid
import zipfile
from base64 import b64decode

import pytest
from allauth.account.models import EmailAddress
from PIL import Image
from playwright.sync_api import expect

from storage import object_store
from storage.models import Asset, Rendition
from tests.browser import pages
from tests.browser.library_page import LibraryPage
from tests.factories import AssetFactory, BlobFactory, CollectionFactory, RenditionFactory

pytestmark = pytest.mark.timeout(240)

MIB = 1024**2
MANY = 10_000
# A picture's hash, and the colour in its middle as the reference implementation decodes it.
WARM = "HawCFYZ/eHiAiHiIh3h3h39w9/d4"
WARM_MIDDLE = [206, 118, 27, 255]


@pytest.fixture
def person(owner):
    """The owner, with a confirmed address: without one nobody signs in."""
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    return owner


@pytest.fixture
def library(open_page, person):
    """Opens the library signed in as the owner, at the address a link may have."""

    def library(query="", **options):
        page = open_page("/account/sign-in", **options)
        pages.sign_in(page, person.email)
        page.wait_for_url("**/")
        page.goto(f"/#library{query}")
        return LibraryPage(page)

    return library


@pytest.fixture
def stored(organization, tmp_path):
    """A function that makes a picture with a drawn thumbnail, of a colour of its own, whose bytes are in the bucket."""
    numbers = iter(range(100))

    def stored(prompt="", *, of=organization, content=None, placeholder=None, **more):
        original = content or picture_of((next(numbers) * 37 % 255, 120, 90), size=(900, 600))
        blob = BlobFactory(
            organization=of,
            sha256=hashlib.sha256(original + uuid.uuid4().bytes).digest(),
            size_bytes=len(original),
            width=900,
            height=600,
            content_type=more.pop("content_type", "image/png"),
            placeholder=placeholder,
        )
        put(tmp_path / "original", original, blob.object_key, blob.content_type)
        if blob.content_type.startswith("image/"):
            for width in (320, 640):
                small = picture_of((next(numbers, 1), 120, 90), size=(width, width * 2 // 3), format="WEBP")
                row = RenditionFactory(
                    blob=blob, variant=f"webp-{width}", width=width, height=width * 2 // 3, size_bytes=len(small)
                )
                put(tmp_path / "small", small, row.object_key, "image/webp")
        return AssetFactory(organization=of, blob=blob, prompt=prompt, **more)

    return stored


def put(path, content, key, content_type):
    path.write_bytes(content)
    object_store.put_file(path, key, content_type=content_type, sha256=hashlib.sha256(content).digest())


def picture_of(colour, *, size, format="PNG"):
    content = io.BytesIO()
    Image.new("RGB", size, colour).save(content, format)
    return content.getvalue()


def test_words_and_filters_narrow_it_and_live_in_the_address(library, stored):
    # given
    cat = stored("A cat on a red sofa", operation="generate", model="sandbox/v1", job_id=uuid.uuid4(), job_index=0)
    dog = stored("A dog on a red sofa", tags=["pets"])
    text = stored(kind="text", content=b"Some words.", content_type="text/plain", filename="notes.txt")
    page = library()
    expect(page.tiles).to_have_count(3)

    # when something is searched for
    page.search.fill("red sof")

    # then
    expect(page.tiles).to_have_count(2)
    assert page.query == "?q=red+sof"

    # when it is narrowed further
    page.filter("Source", "Made here")

    # then
    page.shows(cat)
    assert page.query == "?q=red+sof&source=job"

    # when the address is opened afresh
    page.reload()

    # then
    page.shows(cat)
    expect(page.search).to_have_value("red sof")
    expect(page.chip("Made here")).to_be_visible()

    # when the filter is taken out, and the words
    page.chip("Made here").click()
    expect(page.tiles).to_have_count(2)
    page.search.press("Escape")

    # then
    expect(page.tiles).to_have_count(3)
    assert page.query == ""

    # when one goes back and forth
    page.go_back()
    expect(page.tiles).to_have_count(2)
    page.go_forward()

    # then
    expect(page.tiles).to_have_count(3)

    # when it is narrowed by kind, by tag and by the time
    page.kind("Texts")
    page.shows(text)
    page.kind("Everything")
    page.field("Tag").fill("pets")
    page.field("Tag").press("Enter")
    page.shows(dog)
    page.field("To").fill("2020-01-01")

    # then
    expect(page.heading("Nothing matches")).to_be_visible()
    assert page.query == "?until=2020-01-01&tag=pets"
    page.clear_filters()
    expect(page.tiles).to_have_count(3)


def test_a_filter_that_makes_no_sense_is_said(library, stored, complaints):
    stored()
    page = library("?since=yesterday")

    expect(page.heading("This filter cannot be used")).to_be_visible()
    page.link("Clear filters").click()
    expect(page.tiles).to_have_count(1)
    assert all("422" in complaint for complaint in complaints)
    complaints.clear()


def test_tiles_show_a_guess_at_once_and_thumbnails_then(library, stored):
    # given the bucket takes its time
    asset = stored(placeholder=b64decode(WARM), prompt="Embers")
    page = library("?q=nothing-yet")
    expect(page.heading("Nothing matches")).to_be_visible()
    held = page.hold_pictures()

    # when
    page.clear_filters()

    # then what it is about is drawn
    tile = page.tile(asset)
    expect(tile.locator("canvas")).to_be_visible()
    middle = tile.locator("canvas").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data]"
    )
    assert middle == pytest.approx(WARM_MIDDLE, abs=8)

    # when the pictures come
    held.release()

    # then they are small ones, and the guess is gone
    expect(tile.locator("img.loaded")).to_be_visible()
    expect(tile.locator("canvas")).to_have_count(0)
    drawn = Rendition.objects.filter(blob=asset.blob).values_list("object_key", flat=True)
    shown = tile.locator("img").evaluate("image => image.currentSrc")
    assert any(key in shown for key in drawn)
    assert held.asked
    assert not [address for address in held.asked if asset.blob.object_key in address]


def test_a_star_a_name_and_tags_stay(library, stored, person):
    # given
    asset, other = stored("A kite"), stored("A boat")
    page = library()
    expect(page.tiles).to_have_count(2)

    # when it is starred on its tile, and the other in the viewer
    page.tile(asset).hover()
    page.star(asset).click()
    page.starred(asset)
    viewer = page.open(other)
    viewer.name.fill("boat at dawn.png")
    viewer.name.press("Enter")
    viewer.add_tag("Coast")
    viewer.add_tag("spring")
    viewer.remove_tag("spring")
    viewer.close()

    # then
    page.reload()
    page.starred(asset)
    page.favourites_only()
    page.shows(asset)
    page.clear_filters()
    viewer = page.open(other)
    expect(viewer.name).to_have_value("boat at dawn.png")
    expect(viewer.tags).to_have_text(["Coast"])
    other.refresh_from_db()
    assert (other.filename, other.tags) == ("boat at dawn.png", ["Coast"])
    viewer.close()
    page.goto("?tag=Coast")
    page.shows(other)


def test_a_picture_is_published_and_taken_back(library, stored):
    # given
    asset = stored("A poster")
    page = library()
    viewer = page.open(asset)

    # when
    viewer.public.check()

    # then whoever has the link sees it
    expect(viewer.public_link).to_have_value(re.compile("^http"))
    link = viewer.public_link.input_value()
    stranger = page.stranger()
    assert stranger.get(link).status == 200

    # when
    viewer.public.uncheck()

    # then
    expect(viewer.public_link).to_be_hidden()
    viewer.close()
    asset.refresh_from_db()
    assert not asset.is_public


def test_a_collection_is_made_filled_opened_renamed_and_deleted(library, stored):
    # given
    first, second, third = stored("One"), stored("Two"), stored("Three")
    page = library()

    # when two are selected with the range between them
    page.select(third)
    page.select(second, modifiers=["Shift"])
    page.act("Add to collection")
    page.dialog("New collection").answer("Coast", "Create")
    expect(page.toasts).to_contain_text("2 files added to “Coast”")

    # then
    expect(page.shelf("Coast")).to_contain_text("2")
    page.shelf("Coast").click()
    expect(page.heading("Coast")).to_be_visible()
    page.shows(third, second)
    assert page.query.startswith("?collection=")

    # when one is taken out
    page.select(second)
    page.act("Take out")

    # then
    page.shows(third)

    # when it is renamed and deleted
    page.button("Rename collection").click()
    page.dialog("Rename the collection").answer("Harbour", "Rename")
    expect(page.heading("Harbour")).to_be_visible()
    page.button("Delete collection").click()
    page.dialog("Delete this collection?").agree("Delete collection")

    # then its files stay
    expect(page.shelf("Harbour")).to_have_count(0)
    page.shows(third, second, first)


def test_a_title_that_is_taken_is_said_where_it_is_typed(library, organization, complaints):
    CollectionFactory(organization=organization, title="Coast")
    page = library()
    page.button("New collection").click()
    dialog = page.dialog("New collection")
    dialog.answer("Coast", "Create")

    expect(dialog.element.get_by_role("alert")).to_have_text("Another collection has this title.")
    assert complaints.pop().endswith("409 (Conflict)")


def test_what_is_on_legal_hold_stays_when_many_are_deleted(library, stored):
    # given
    free, held, other = stored("One"), stored("Two", legal_hold=True), stored("Three")
    page = library()
    expect(page.tiles).to_have_count(3)

    # when
    page.tile_button(other).focus()
    page.press("Control+a")
    expect(page.bar).to_contain_text("3 selected")
    page.press("Delete")
    page.dialog("Delete 3 files for good?").agree("Delete")

    # then
    expect(page.toasts).to_contain_text("2 files deleted. 1 is on legal hold and stays.")
    page.shows(held)
    expect(page.bar).to_contain_text("1 selected")
    assert not Asset.objects.readable().filter(pk__in=[free.pk, other.pk]).exists()
    assert Asset.objects.readable().filter(pk=held.pk).exists()


def test_many_are_starred_tagged_untagged_and_brought_as_one_zip(library, stored):
    # given
    assets = [
        stored("One", filename="one.png"),
        stored(kind="text", content=b"Two.", content_type="text/plain", filename="two.txt"),
    ]
    page = library()
    page.select(assets[0])
    page.act("Select all shown")
    expect(page.bar).to_contain_text("2 selected")

    # when
    page.act("Favourite")
    page.starred(*assets)
    page.act("Add tags")
    page.dialog("Add tags").tag("autumn", "sale").agree("Add")
    expect(page.toasts.last).to_contain_text("2 files tagged")
    page.act("Remove tags")
    page.dialog("Remove tags").tick("sale").agree("Remove")
    expect(page.toasts.last).to_contain_text("2 files untagged")

    # then
    assert [Asset.objects.get(pk=asset.pk).tags for asset in assets] == [["autumn"], ["autumn"]]

    # when
    archive = page.download(lambda: page.act("Download zip"))

    # then
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        content = {name: zipped.read(name) for name in zipped.namelist()}
    assert [len(content), b"Two." in content.values()] == [2, True]
    assert any(Image.open(io.BytesIO(body)).size == (900, 600) for body in content.values() if body != b"Two.")


def test_it_is_walked_through_by_keys(library, stored):
    # given
    oldest, middle, newest = stored("One"), stored("Two"), stored("Three")
    page = library()
    expect(page.tiles).to_have_count(3)

    # when
    page.tile_button(newest).focus()
    page.press("ArrowRight")
    expect(page.tile_button(middle)).to_be_focused()
    page.press("Space")
    page.press("End")
    expect(page.tile_button(oldest)).to_be_focused()
    page.press("Shift+ArrowLeft")
    expect(page.bar).to_contain_text("2 selected")
    page.press("Escape")

    # then
    expect(page.bar).to_be_hidden()

    # when it is opened, and the next one shown
    page.press("Enter")
    viewer = page.viewer()
    expect(viewer.element).to_contain_text("Two")
    page.press("ArrowRight")
    expect(viewer.element).to_contain_text("One")
    page.press("Escape")

    # then the focus is where one looked last
    expect(viewer.element).to_have_count(0)
    expect(page.tile_button(oldest)).to_be_focused()


def test_a_recording_plays_and_a_document_is_read(library, stored):
    # given
    sound = stored(kind="audio", content=pages.recording(), content_type="audio/wav", filename="waves.wav")
    sound.blob.duration_seconds = 2.0
    sound.blob.save()
    paper = stored(kind="json", content=json.dumps({"tide": "low"}).encode(), content_type="application/json")
    page = library()
    expect(page.tile(sound)).to_contain_text("waves.wav")
    expect(page.tile(sound)).to_contain_text("0:02")

    # when
    viewer = page.open(sound)

    # then
    assert viewer.element.locator("audio").evaluate(
        "async audio => { audio.muted = true; await audio.play(); return audio.duration }"
    ) == pytest.approx(2, abs=0.1)
    viewer.close()

    # when
    viewer = page.open(paper)

    # then
    expect(viewer.element.locator("pre")).to_contain_text('"tide": "low"')


def test_a_dropped_file_is_sent_and_then_has_its_thumbnail(library, organization):
    # given
    page = library()
    expect(page.heading("Your library is empty")).to_be_visible()

    # when
    page.drop(pages.photograph(900, 600))

    # then it becomes an asset with a picture of its own
    tile = page.assets.first
    expect(tile.locator("img.loaded")).to_be_visible()
    expect(tile.locator("img[srcset*=' 320w']")).to_have_count(1)
    asset = Asset.objects.get(organization=organization)
    assert (asset.filename, asset.blob.width, asset.blob.height) == ("harbour.jpg", 900, 600)


def test_a_large_file_goes_in_parts_and_a_broken_part_goes_again(library, organization, tmp_path, complaints):
    # given a recording of 65 MiB, whose third part gets no answer at its first try
    page = library()
    broken = page.break_part(3)
    path = tmp_path / "concert.wav"
    path.write_bytes(pages.recording(seconds=65 * MIB / 96_000, rate=48_000))

    # when
    page.upload(path)

    # then
    expect(page.assets).to_have_count(1, timeout=60_000)
    expect(page.assets.first).to_contain_text("concert.wav")
    asset = Asset.objects.get(organization=organization)
    assert asset.blob.size_bytes == path.stat().st_size > 64 * MIB
    assert bytes(asset.blob.sha256) == hashlib.sha256(path.read_bytes()).digest()
    parts = broken.put
    assert sorted(set(parts)) == [1, 2, 3, 4, 5]
    assert [parts.count(number) for number in sorted(set(parts))] == [1, 1, 2, 1, 1]
    complaints.clear()


def test_ten_thousand_are_scrolled_through_with_few_elements(library, organization, stored):
    # given
    one = stored("The oldest")
    note = stored(kind="text", content=b"A note.", content_type="text/plain")
    rows = [
        Asset(
            organization=organization,
            user=one.user,
            blob=(note if number % 10 else one).blob,
            kind="text" if number % 10 else "image",
            status=Asset.Status.READY,
            prompt=f"Number {number}",
        )
        for number in range(2, MANY)
    ]
    Asset.objects.bulk_create(rows, batch_size=2_000)
    page = library()
    expect(page.tiles.first).to_be_visible()

    # when
    seen = page.scroll_to_the_end()

    # then
    expect(page.tile(one)).to_be_visible()
    expect(page.tile(one)).to_have_attribute("aria-posinset", str(MANY))
    assert seen.most_elements < 2_000, seen
    cursors = page.asked_cursors
    assert len(cursors) == len(set(cursors)) == MANY // 100


def test_it_fits_a_phone_and_says_when_it_is_offline(library, stored):
    # given
    asset = stored("A small boat, far out")
    page = library(viewport=pages.PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
    expect(page.tiles).to_have_count(1)
    assert page.width == pages.PHONE["width"]

    # when it is used
    page.filters_button.click()
    page.select(asset)

    # then
    expect(page.bar).to_be_visible()
    assert page.width == pages.PHONE["width"]
    page.button("Clear the selection").click()
    viewer = page.open(asset)
    assert page.width == pages.PHONE["width"]
    viewer.close()

    # when the network goes and comes
    page.set_offline(True)
    expect(page.offline_notice).to_be_visible()
    page.set_offline(False)

    # then
    expect(page.offline_notice).to_be_hidden()


def test_what_could_not_be_loaded_is_tried_again(library, stored, complaints):
    # given
    asset = stored("A kite")
    page = library("?kind=audio")
    expect(page.heading("Nothing matches")).to_be_visible()
    page.refuse_lists()

    # when
    page.clear_filters()
    expect(page.heading("Your library could not be loaded")).to_be_visible()
    page.refuse_lists(is_on=False)
    page.button("Try again").click()

    # then
    page.shows(asset)
    assert Rendition.objects.filter(blob=asset.blob).count() == 2
    complaints.clear()
