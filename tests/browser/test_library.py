"""The library page in a real browser: finding, noting, collecting, and thousands of pictures."""

import hashlib
import re
import zipfile
from datetime import timedelta

import httpx2
import pytest
from django.utils import timezone
from playwright.sync_api import expect

from storage.models import Asset, Blob, Collection
from tests.browser import pages
from tests.storage.pictures import picture

pytestmark = pytest.mark.timeout(240)

FOX, TEAPOT, HARBOUR = "A red fox in fresh snow", "A terracotta teapot on linen", "A quiet harbour at first light"


@pytest.fixture
def shelves(stack, person):
    """Three pictures with their prompts, newest last, and a recording; as the API took them."""
    with httpx2.Client(base_url=stack.base_url, headers={"Authorization": f"Bearer {person.secret}"}) as api:
        ids = {}
        for seed, prompt in enumerate([FOX, TEAPOT, HARBOUR]):
            answer = api.post("/v1/assets", content=picture(800, 600, seed=seed), headers={"Content-Type": "image/png"})
            ids[prompt] = answer.json()["id"]
            Asset.objects.filter(pk=ids[prompt]).update(prompt=prompt, model="sandbox/v1", operation="generate")
        yield ids


@pytest.fixture
def library(studio):
    """Opens the library page, or what an address of it says."""

    def library(address="#library", **options):
        page = studio(**options)
        page.evaluate("address => { location.hash = address }", address)
        expect(page.locator("#library")).not_to_have_attribute("aria-busy", "true")
        return page

    return library


def tiles(page):
    return page.locator("#library .thumb[data-asset]")


def tile(page, prompt):
    return page.locator("#library .cell").filter(has=page.get_by_role("button", name=f"Open {prompt}"))


def select(page, *prompts):
    for prompt in prompts:
        tile(page, prompt).hover()
        tile(page, prompt).get_by_role("checkbox").click()


def test_words_and_filters_narrow_and_the_address_keeps_them(library, shelves):
    # given
    page = library()
    expect(tiles(page)).to_have_count(3)

    # when
    page.get_by_label("Search prompts and names").fill("snow fox")

    # then
    expect(tiles(page)).to_have_count(1)
    expect(tile(page, FOX)).to_be_visible()
    assert page.url.endswith("#library?q=snow+fox")

    # when
    page.reload()

    # then
    expect(page.get_by_label("Search prompts and names")).to_have_value("snow fox")
    expect(tiles(page)).to_have_count(1)

    # when
    page.get_by_label("Kind").select_option("Sounds")

    # then
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.go_back()
    expect(tiles(page)).to_have_count(1)
    page.go_forward()
    page.get_by_role("button", name="Clear the filters").click()
    expect(tiles(page)).to_have_count(3)
    assert page.url.endswith("#library")


def test_days_are_those_of_the_reader(library, shelves):
    # given
    Asset.objects.filter(pk=shelves[FOX]).update(created_at=timezone.now() - timedelta(days=9))
    page = library("#library?age=7", timezone_id="Pacific/Auckland")
    expect(page.get_by_label("Time")).to_have_value("7")

    # when
    page.get_by_label("Time").select_option("Between dates")

    # then
    expect(page.get_by_label("From")).to_have_value(re.compile(r"\d{4}-\d\d-\d\d"))
    expect(tiles(page)).to_have_count(2)

    # when
    page.get_by_label("From").fill("2020-01-01")

    # then
    expect(tiles(page)).to_have_count(3)


def test_pictures_are_small_forms_with_a_blur_before_them(library, shelves):
    # given
    page = library()
    asset = page.evaluate("id => fetch(`/v1/assets/${id}`).then((answer) => answer.json())", shelves[FOX])
    assert [form["width"] for form in asset["thumbnails"]] == [320, 640]

    # when
    page.reload()

    # then
    image = tile(page, FOX).locator("img")
    expect(image).to_have_class("checker loaded")
    width = image.evaluate("""async ({ currentSrc }) => {
        const chosen = Object.assign(new Image(), { src: currentSrc });
        await chosen.decode();
        return chosen.naturalWidth;
    }""")
    assert width == 320
    # and the blur has the picture's colours
    blur, average = tile(page, FOX).evaluate("""(tile) => {
        const mean = (source) => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
            const context = canvas.getContext("2d");
            context.imageSmoothingQuality = "high";
            context.drawImage(source, 0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        };
        return [mean(tile.querySelector("canvas")), mean(tile.querySelector("img"))];
    }""")
    assert blur == pytest.approx(average, abs=40)


def test_stars_and_tags_stay_and_can_be_looked_for(library, shelves):
    # given
    page = library()
    tile(page, TEAPOT).hover()

    # when
    tile(page, TEAPOT).get_by_role("button", name="Favourite").click()
    tile(page, TEAPOT).locator(".thumb").click()
    viewer = page.get_by_role("dialog", name="Picture")
    expect(viewer.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    viewer.get_by_label("Add a tag").fill("product")
    page.keyboard.press("Enter")
    expect(viewer.get_by_role("button", name="Remove the tag product")).to_be_visible()
    viewer.get_by_label("Name").fill("teapot.png")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Close").click()
    page.reload()

    # then
    expect(tile(page, TEAPOT).get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Favourites").click()
    expect(tiles(page)).to_have_count(1)
    page.get_by_role("button", name="Favourites").click()
    page.get_by_label("Only with this tag").fill("product")
    page.keyboard.press("Enter")
    expect(tiles(page)).to_have_count(1)
    assert page.url.endswith("?tag=product")
    assert Asset.objects.get(pk=shelves[TEAPOT]).filename == "teapot.png"


def test_a_picture_becomes_public_and_private_again(library, shelves):
    # given
    page = library()
    tile(page, HARBOUR).locator(".thumb").click()
    switch = page.get_by_label("Anybody with the address may see it")

    # when
    switch.check()

    # then
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_visible()
    address = page.evaluate("id => fetch(`/v1/assets/${id}`).then((answer) => answer.json())", shelves[HARBOUR])
    stranger = page.context.browser.new_context().request
    assert stranger.get(address["publicUrl"]).status == 200

    # when
    switch.uncheck()

    # then
    expect(page.get_by_role("button", name="Copy", exact=True)).to_have_count(0)
    assert not Asset.objects.get(pk=shelves[HARBOUR]).is_public


def test_a_collection_is_made_filled_opened_and_emptied(library, shelves, organization):
    # given
    page = library()
    select(page, FOX, HARBOUR)

    # when
    page.get_by_role("button", name="Collect", exact=True).click()
    page.get_by_role("button", name="New collection…").click()
    page.get_by_label("Title").fill("Winter")
    page.keyboard.press("Enter")

    # then
    card = page.get_by_role("link", name=re.compile("Winter"))
    expect(card).to_contain_text("2 assets")

    # when
    card.click()

    # then
    expect(page.get_by_role("heading", name="Winter", level=1)).to_be_visible()
    expect(tiles(page)).to_have_count(2)

    # when
    select(page, HARBOUR)
    page.get_by_role("button", name="Take out").click()

    # then
    expect(tiles(page)).to_have_count(1)
    expect(card).to_contain_text("1 asset")

    # when
    page.get_by_role("button", name="Rename the collection").click()
    page.get_by_label("Title").fill("Snow")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_role("heading", name="Snow", level=1)).to_be_visible()
    page.get_by_role("button", name="Delete the collection").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    # then: what was in it is still there
    expect(page.get_by_role("heading", name="Library", level=1)).to_be_visible()
    expect(tiles(page)).to_have_count(3)
    assert not Collection.objects.filter(organization=organization).exists()


def test_many_are_tagged_and_deleted_but_for_what_is_on_hold(library, shelves, person):
    # given
    Asset.objects.filter(pk=shelves[TEAPOT]).update(legal_hold=True)
    page = library()

    # when: by the keyboard, the first to the last
    tiles(page).first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("End")
    page.keyboard.press("Shift+Space")

    # then
    expect(page.get_by_role("toolbar")).to_contain_text("3 selected")

    # when
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("dialog").get_by_label("Add a tag").fill("old")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove the tag old")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    assert [asset.tags for asset in Asset.objects.filter(user=person)] == [["old"]] * 3
    page.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete 3 assets for good?").get_by_role("button", name="Delete").click()

    # then
    expect(page.get_by_text("1 left as it is: on legal hold.")).to_be_visible()
    expect(tiles(page)).to_have_count(1)
    expect(tile(page, TEAPOT)).to_be_visible()


def test_a_selection_is_saved_as_a_zip(library, shelves, tmp_path):
    # given
    page = library()
    select(page, FOX, TEAPOT)

    # when
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download").click()
    saving.value.save_as(tmp_path / "all.zip")

    # then
    with zipfile.ZipFile(tmp_path / "all.zip") as zipped:
        held = {hashlib.sha256(zipped.read(name)).digest() for name in zipped.namelist()}
    blobs = Blob.objects.filter(assets__in=[shelves[FOX], shelves[TEAPOT]])
    assert held == {bytes(blob.sha256) for blob in blobs}


def test_ten_thousand_pictures_are_scrolled_with_few_in_the_page(library, shelves, person, organization):
    # given: many assets of the same bytes
    blob = Asset.objects.get(pk=shelves[FOX]).blob
    rows = [
        Asset(
            organization=organization, user=person, blob=blob, kind="image", status="ready", prompt=f"Number {number}"
        )
        for number in range(10_000)
    ]
    Asset.objects.bulk_create(rows, batch_size=2_000)
    Blob.objects.filter(pk=blob.pk).update(references=10_001)
    page = library()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/assets?" in request.url else None)

    # when: to the end of what is there, and there is more each time
    most = page.evaluate(
        """async (last) => {
            const frame = () => new Promise(requestAnimationFrame);
            let most = 0;
            while (!document.querySelector(last)) {
                scrollTo({ top: document.body.scrollHeight, behavior: "instant" });
                await frame();
                most = Math.max(most, document.querySelectorAll("#library .cell").length);
            }
            return most;
        }""",
        f"#library [aria-label='Open {FOX}']",
    )
    expect(tile(page, FOX)).to_be_visible()

    # then
    assert most < 120
    assert len(asked) == len(set(asked)) >= 100

    # when
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")

    # then: nothing is asked for again
    expect(page.locator("#library .cell[data-index='0'] img.loaded")).to_be_visible()
    assert len(asked) == len(set(asked)) <= 102


def test_the_library_fits_a_phone(library, shelves):
    page = library(viewport=pages.PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
    tile(page, FOX).get_by_role("checkbox").click()
    expect(page.get_by_role("toolbar", name="Selected assets")).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") == pages.PHONE["width"]


def test_a_large_file_goes_in_parts_and_a_lost_part_again(library, person, complaints):
    # given: a sound beyond what goes in one request, and a line that breaks once
    page = library()
    lost = []

    def lose(route):
        if route.request.method == "PUT" and not lost:
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/upload/**", lose)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)

    # when
    page.evaluate("""() => {
        const rate = 48_000, seconds = 400, size = rate * seconds * 4;
        const head = new DataView(new ArrayBuffer(44));
        const text = (at, word) => [...word].forEach((one, index) => head.setUint8(at + index, one.charCodeAt(0)));
        text(0, "RIFF"); head.setUint32(4, 36 + size, true); text(8, "WAVEfmt ");
        head.setUint32(16, 16, true); head.setUint16(20, 1, true); head.setUint16(22, 2, true);
        head.setUint32(24, rate, true); head.setUint32(28, rate * 4, true); head.setUint16(32, 4, true);
        head.setUint16(34, 16, true); text(36, "data"); head.setUint32(40, size, true);
        const files = new DataTransfer();
        files.items.add(new File([head.buffer, new Uint8Array(size)], "rain.wav", { type: "audio/wav" }));
        const field = document.querySelector("#library-filters input[type=file]");
        field.files = files.files;
        field.dispatchEvent(new Event("change"));
    }""")

    # then
    expect(tiles(page)).to_have_count(1, timeout=90_000)
    expect(tiles(page).first).to_contain_text("6:40")
    asset = Asset.objects.select_related("blob").get(user=person)
    assert (asset.filename, asset.blob.size_bytes) == ("rain.wav", 44 + 48_000 * 400 * 4)
    assert len(lost) == 1
    assert len(sent) >= 3
    complaints.clear()
