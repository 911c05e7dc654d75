"""Makes the pictures in the README from what `make run` started: python -m tests.browser.screenshot [studio|library]"""

import io
import json
import os
import shutil
import sys
from pathlib import Path

import httpx2
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.pages import recording

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SIZE: ViewportSize = {"width": 1440, "height": 1060}
LIBRARY_SIZE: ViewportSize = {"width": 1440, "height": 900}
JOB_MILLISECONDS = 120_000
# Made beforehand, so that the page has something to show below the job that runs.
MADE = [("A lighthouse at dusk, waves breaking", "3:2", 2)]
RUNNING = ("A quiet harbour at first light, mist over the water", "21:9", 1)
RATIOS = ["1:1", "3:2", "16:9", "3:4", "2:3"]
# What the library holds in its picture: prompt and tags.
LIBRARY: list[tuple[str, list[str]]] = [
    ("Product shot of a ceramic teapot on linen, soft window light", ["spring", "product"]),
    ("Product shot of a walnut desk lamp, warm rim light, grey backdrop", ["spring", "product"]),
    ("Product shot of a glass perfume bottle on wet slate", ["product"]),
    ("Running shoe floating above pastel blocks, studio light", ["product", "campaign"]),
    ("Stack of linen shirts in earthy tones, top view", ["spring", "product"]),
    ("A lighthouse at dusk, waves breaking, soft film grain", ["coast"]),
    ("Fishing boats in a quiet harbour at first light, mist", ["coast"]),
    ("Basalt cliffs above a green sea, long exposure", ["coast"]),
    ("Dunes with marram grass under a towering evening sky", ["coast"]),
    ("A lone swimmer in a turquoise bay, seen from above", ["coast", "campaign"]),
    ("Paper-cut fox in an autumn forest, layered shadows", ["illustration"]),
    ("Isometric city block at night, neon signs, light rain", ["illustration"]),
    ("Botanical plate of poppies, ink and watercolor", ["illustration", "spring"]),
    ("Risograph print of two cyclists on a mountain pass", ["illustration"]),
    ("Children's book spread: a whale carrying a village", ["illustration"]),
    ("A quiet kitchen in morning light, watercolor", ["interior"]),
    ("Reading corner with a green velvet armchair and ferns", ["interior"]),
    ("Scandinavian bedroom, linen sheets, pale oak floor", ["interior"]),
    ("Concrete loft with a long dining table, evening glow", ["interior"]),
    ("Small bakery front in Lisbon, blue tiles, early morning", []),
    ("Portrait of a violin maker in her workshop, side light", ["portrait"]),
    ("Portrait of an old fisherman, weathered face, overcast", ["portrait", "coast"]),
    ("Studio portrait of a dancer in mid-leap, long fabric", ["portrait", "campaign"]),
    ("A red kite over dunes, wide angle, big sky", ["campaign"]),
    ("Macro of a dew drop on a fern, shallow depth of field", []),
    ("Snow-covered pines under northern lights", []),
    ("Terraced rice fields at sunrise, aerial", []),
    ("Vintage camper by a mountain lake, analog colors", ["campaign"]),
    ("A castle of cards on a wooden table, dramatic shadow", []),
    ("Glass greenhouse full of citrus trees, midday haze", ["spring"]),
]
FILES = [
    ("waves.wav", recording(seconds=3), "audio/wav"),
    ("notes on the shoot.txt", b"Light at six.\n" * 40, "text/plain"),
    ("palette.json", b'{"name": "coast", "colours": ["#1f6f78", "#f2c14e"]}', "application/json"),
]
COLLECTIONS = {"Coast": "coast", "Spring campaign": "spring", "Illustrations": "illustration", "Interiors": "interior"}


def main() -> None:
    facts = json.loads((Path(os.environ.get("DATA_DIR", ROOT / ".data")) / "run.json").read_text())
    wanted = sys.argv[1:] or ["studio", "library"]
    DOCS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if "studio" in wanted:
            _studio(_signed_in(browser, facts["baseUrl"], SIZE))
        if "library" in wanted:
            fill(facts["baseUrl"], facts["apiKey"])
            _library(_signed_in(browser, facts["baseUrl"], LIBRARY_SIZE))
        browser.close()


def fill(base_url: str, api_key: str) -> None:
    """Make the pictures of the library, once: those whose prompt it has already stay as they are."""
    with httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=150) as api:
        listed = api.get("/v1/assets", params={"limit": 100, "source": "job"}).json()["data"]
        known = {asset["prompt"] for asset in listed}
        for number, (prompt, tags) in enumerate(reversed(LIBRARY)):
            if prompt not in known:
                _make(api, prompt, tags, ratio=RATIOS[number % len(RATIOS)], is_starred=number % 5 == 1)
        if not api.get("/v1/assets", params={"source": "upload"}).json()["data"]:
            for file in FILES:
                api.post("/v1/assets", files={"file": file}).raise_for_status()
        if not api.get("/v1/collections").json()["data"]:
            for title, tag in COLLECTIONS.items():
                found = api.get("/v1/assets", params={"tag": tag, "limit": 100}).json()["data"]
                collection = api.post("/v1/collections", json={"title": title}).json()
                ids = [asset["id"] for asset in found]
                api.post(f"/v1/collections/{collection['id']}/assets", json={"assetIds": ids}).raise_for_status()


def _make(api: httpx2.Client, prompt: str, tags: list[str], *, ratio: str, is_starred: bool) -> None:
    body = {
        "model": "sandbox/v1",
        "operation": "generate",
        "input": {"prompt": prompt, "aspectRatio": ratio, "sandbox": {"latencySeconds": 0}},
    }
    job = api.post("/v1/jobs", json=body, headers={"Prefer": "wait=60"}).raise_for_status().json()
    notes: dict[str, object] = {"tags": tags, "favourite": is_starred}
    for asset in job["output"]["assets"]:
        api.patch(f"/v1/assets/{asset['id']}", json=notes).raise_for_status()


def _signed_in(browser: Browser, base_url: str, size: ViewportSize) -> Page:
    page = browser.new_page(viewport=size, color_scheme="light")
    page.goto(base_url)
    page.get_by_role("button", name="Sign in as demo").click()
    expect(page.locator("#feed")).not_to_have_attribute("aria-busy", "true", timeout=30_000)
    return page


def _studio(page: Page) -> None:
    for prompt, ratio, count in MADE:
        _send(page, prompt, ratio, count)
        expect(page.locator("article.job").first).to_have_attribute(
            "data-status", "succeeded", timeout=JOB_MILLISECONDS
        )
        expect(page.locator("article.job").first.locator("img.loaded")).to_have_count(count)
    page.get_by_text("More options").click()
    page.get_by_label("Latency seconds").fill("20")
    page.get_by_text("More options").click()
    _send(page, *RUNNING)
    bar = page.locator("article.job").first.get_by_role("progressbar")
    while int(bar.get_attribute("aria-valuenow") or 0) < 60:
        page.wait_for_timeout(250)
    page.evaluate("scrollTo(0, 0)")
    _save(page, "studio.png")


def _library(page: Page) -> None:
    page.get_by_role("link", name="Library").click()
    expect(page.locator("#library-tiles .thumb img.loaded")).not_to_have_count(0, timeout=30_000)
    page.wait_for_load_state("networkidle")
    for place in (1, 8, 9):
        page.locator("#library-tiles .thumb").nth(place).get_by_role("checkbox").check(force=True)
    page.mouse.move(0, 0)
    page.wait_for_function("document.getAnimations().every((one) => one.playState !== 'running')")
    _save(page, "library.png")


def _save(page: Page, name: str) -> None:
    shot = Image.open(io.BytesIO(page.screenshot()))
    # Nobody sees a third of the shades missing, and the file is two thirds of its size.
    shot.convert("RGB").point([round(shade / 3) * 3 for shade in range(256)] * 3).save(DOCS / name, optimize=True)


def _send(page: Page, prompt: str, ratio: str, count: int) -> None:
    jobs = page.locator("article.job").count()
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("radio", name=ratio, exact=True).check(force=True)
    page.get_by_role("radio", name=str(count), exact=True).check(force=True)
    send = page.locator("#send")
    expect(send).to_be_enabled(timeout=15_000)
    send.click()
    expect(page.locator("article.job")).to_have_count(jobs + 1)


if __name__ == "__main__":
    main()
