"""What a person does in the library, by the words they read there."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

# Goes down by two screens per frame until all is loaded; and notes the most elements there were at once, and how long
# frames took.
_SCROLL = """async () => {
  const pause = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const seen = { elements: 0, frames: [], longTasks: [] };
  new PerformanceObserver((list) => seen.longTasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: 'longtask' });
  const began = performance.now();
  for (let still = 0, before = began; still < 30;) {
    scrollBy({ top: innerHeight * 2, behavior: 'instant' });
    await pause();
    const now = performance.now();
    seen.frames.push(now - before);
    before = now;
    seen.elements = Math.max(seen.elements, document.querySelectorAll('*').length);
    const isEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    still = isEnd && !document.querySelector('.library-more') ? still + 1 : 0;
  }
  const frames = seen.frames.sort((left, right) => left - right);
  return {
    most_elements: seen.elements, frames: frames.length,
    seconds: (performance.now() - began) / 1000,
    frame_median_ms: frames[frames.length >> 1], frame_p95_ms: frames[Math.floor(frames.length * 0.95)],
    frame_max_ms: frames.at(-1), long_tasks: seen.longTasks.length, longest_task_ms: Math.max(0, ...seen.longTasks),
  };
}"""


@dataclass(slots=True, kw_only=True)
class Scrolled:
    """How a walk to the end went; the times are for people to read."""

    most_elements: int
    frames: int
    seconds: float
    frame_median_ms: float
    frame_p95_ms: float
    frame_max_ms: float
    long_tasks: int
    longest_task_ms: float


@dataclass
class HeldPictures:
    """Pictures that were asked for and wait to be let through."""

    routes: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    is_held: bool = True

    def take(self, route):
        if route.request.resource_type != "image":
            return route.fallback()
        self.asked.append(route.request.url)
        return self.routes.append(route) if self.is_held else route.continue_()

    def release(self):
        self.is_held = False
        for route in self.routes:
            route.continue_()


@dataclass
class BrokenPart:
    """The numbers of the parts that were put, of which one got no answer the first time."""

    number: int
    put: list = field(default_factory=list)

    def take(self, route):
        (number,) = parse_qs(urlsplit(route.request.url).query).get("partNumber", ["0"])
        if route.request.method != "PUT":
            return route.fallback()
        self.put.append(int(number))
        is_first = self.put.count(self.number) == 1
        return route.abort() if int(number) == self.number and is_first else route.continue_()


class Dialog:
    """A question over the page."""

    def __init__(self, page, title):
        self.element = page.get_by_role("dialog", name=title)

    def answer(self, text, agree):
        self.element.get_by_role("textbox").fill(text)
        self.agree(agree)

    def tag(self, *tags):
        for tag in tags:
            self.element.get_by_label("Add a tag").fill(tag)
            self.element.get_by_label("Add a tag").press("Enter")
        return self

    def tick(self, name):
        self.element.get_by_label(name).check()
        return self

    def agree(self, name):
        self.element.get_by_role("button", name=name, exact=True).click()


class Viewer:
    """One asset over the whole screen."""

    def __init__(self, page):
        self.page = page
        self.element = page.get_by_role("dialog", name="Viewer")
        self.name = self.element.get_by_label("File name")
        self.tags = self.element.get_by_role("list", name="Tags").get_by_role("listitem")
        self.public = self.element.get_by_role("switch", name="Public")
        self.public_link = self.element.get_by_label("Public link", exact=True)

    def add_tag(self, tag):
        count = self.tags.count()
        self.element.get_by_label("Add a tag").fill(tag)
        with self.page.expect_response(lambda response: response.request.method == "PATCH"):
            self.element.get_by_label("Add a tag").press("Enter")
        expect(self.tags).to_have_count(count + 1)

    def remove_tag(self, tag):
        with self.page.expect_response(lambda response: response.request.method == "PATCH"):
            self.element.get_by_role("button", name=f"Remove tag {tag}").click()
        expect(self.tags.filter(has_text=tag)).to_have_count(0)

    def close(self):
        self.element.get_by_role("button", name="Close").click()
        expect(self.element).to_have_count(0)


class LibraryPage:
    """The library's view of the studio."""

    def __init__(self, page):
        self.page = page
        self.asked_cursors = []
        page.on("request", self._note)
        view = page.locator("#view-library")
        self.tiles = page.locator("#library-tiles .thumb")
        self.assets = page.locator("#library-tiles .thumb[data-asset]")
        self.search = view.get_by_role("searchbox")
        self.bar = page.get_by_role("toolbar", name="Selected files")
        self.toasts = page.locator(".toast")
        self.filters_button = view.get_by_role("button", name="Filters", exact=True)
        self.offline_notice = page.get_by_text("You are offline")
        self.press = page.keyboard.press
        self.reload = page.reload
        self.go_back, self.go_forward = page.go_back, page.go_forward
        self.set_offline = page.context.set_offline

    def _note(self, request):
        address = urlsplit(request.url)
        if request.method == "GET" and address.path == "/v1/assets":
            self.asked_cursors.append(parse_qs(address.query).get("cursor", [""])[0])

    @property
    def query(self):
        return self.page.url.partition("#library")[2]

    @property
    def width(self):
        return self.page.evaluate("document.documentElement.scrollWidth")

    def goto(self, query):
        self.page.goto(f"/#library{query}")

    def heading(self, name):
        return self.page.get_by_role("heading", name=name)

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name):
        return self.page.get_by_role("link", name=name, exact=True)

    def chip(self, name):
        return self.button(f"Remove filter {name}")

    def shelf(self, name):
        return self.page.get_by_role("navigation", name="Collections").get_by_role("link", name=name)

    def tile(self, asset):
        return self.page.locator(f'#library-tiles .thumb[data-asset="{asset.pk}"]')

    def tile_button(self, asset):
        return self.tile(asset).get_by_role("button", name=re.compile("^Open"))

    def shows(self, *assets):
        """Exactly these are there, in this order."""
        for asset in assets:
            expect(self.tile(asset)).to_have_count(1)
        expect(self.assets).to_have_count(len(assets))
        shown = self.assets.evaluate_all("tiles => tiles.map((tile) => tile.dataset.asset)")
        assert shown == [str(asset.pk) for asset in assets]

    # --- filters ---
    def kind(self, name):
        self.page.get_by_label("Kind").select_option(label=name)

    def field(self, name):
        if self.filters_button.get_attribute("aria-expanded") == "false":
            self.filters_button.click()
        return self.page.locator("#library-more").get_by_label(name, exact=True).first

    def filter(self, name, value):
        self.field(name).select_option(label=value)

    def clear_filters(self):
        self.page.get_by_role("button", name="Clear filters").first.click()

    def favourites_only(self):
        self.button("Favourites only").click()

    # --- selecting and acting ---
    def select(self, asset, **options):
        # On a desktop the box comes with the pointer.
        self.tile(asset).get_by_role("checkbox").click(**options)

    def act(self, name):
        self.bar.get_by_role("button", name=name, exact=True).click()

    def dialog(self, title):
        return Dialog(self.page, title)

    def star(self, asset):
        return self.tile(asset).get_by_role("button", name="Favourite")

    def starred(self, *assets):
        for asset in assets:
            expect(self.star(asset)).to_have_attribute("aria-pressed", "true")

    def open(self, asset):
        self.tile_button(asset).click()
        viewer = self.viewer()
        expect(viewer.name).to_be_visible()
        return viewer

    def viewer(self):
        return Viewer(self.page)

    def download(self, act):
        """The bytes of what the act brings."""
        with self.page.expect_download() as download:
            act()
        return Path(download.value.path()).read_bytes()

    def stranger(self):
        """Requests of somebody who has a link and nothing else."""
        return self.page.context.browser.new_context().request

    # --- files and the network ---
    def upload(self, path):
        self.page.get_by_label("Files to upload").set_input_files(path)

    def drop(self, file):
        transfer = self.page.evaluate_handle(
            """([name, type, content]) => {
              const transfer = new DataTransfer();
              const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
              transfer.items.add(new File([bytes], name, { type }));
              return transfer;
            }""",
            [file["name"], file["mimeType"], b64encode(file["buffer"]).decode()],
        )
        self.page.dispatch_event("#view-library", "drop", {"dataTransfer": transfer})

    def hold_pictures(self):
        held = HeldPictures()
        self.page.route("**/*", held.take)
        return held

    def break_part(self, number):
        broken = BrokenPart(number)
        self.page.route(re.compile("partNumber="), broken.take)
        return broken

    def refuse_lists(self, *, is_on=True):
        pattern = re.compile(r"/v1/assets\?")
        if is_on:
            self.page.route(pattern, lambda route: route.abort())
        else:
            self.page.unroute(pattern)

    def scroll_to_the_end(self):
        return Scrolled(**self.page.evaluate(_SCROLL))
