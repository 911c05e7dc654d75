"""Makes the pictures of the README, docs/studio.png and docs/library.png, from what a fresh `make run` started:

python -m tests.browser.screenshot
"""

import io
import json
import os
import shutil
from pathlib import Path

import httpx2
from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SIZE: ViewportSize = {"width": 1440, "height": 1060}
LIBRARY_SIZE: ViewportSize = {"width": 1440, "height": 900}
JOB_MILLISECONDS = 120_000
# Made beforehand, so that the page has something to show below the job that runs.
MADE = [("A lighthouse at dusk, waves breaking", "3:2", 2)]
IN_LIBRARY = [
    "A red fox in fresh snow, soft light",
    "A paper-cut forest, layered shadows",
    "A mountain hut under the milky way",
    "Hot-air balloons over vineyards",
    "A desert road at noon, heat haze",
    "A foggy pine forest from above",
    "Waves at sunset, long exposure",
    "A city skyline at blue hour",
    "A steam train in a snowy valley",
    "A tulip field with a windmill",
    "An astronaut on a far planet",
    "A black cat on a wall at dusk",
    "A lighthouse in a storm",
    "A sailing boat at first light",
    "Northern lights over a lake",
    "A flower by the road, watercolor",
]
COLLECTIONS = {"Winter campaign": slice(0, 4), "Landscapes": slice(3, 10), "Covers": slice(9, 12)}
RUNNING = ("A quiet harbour at first light, mist over the water", "21:9", 1)


def main() -> None:
    facts = json.loads((Path(os.environ.get("DATA_DIR", ROOT / ".data")) / "run.json").read_text())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(facts["baseUrl"])
        page.get_by_role("button", name="Sign in as demo").click()
        expect(page.locator("#feed")).not_to_have_attribute("aria-busy", "true", timeout=30_000)
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
        _fill_library(facts)
        page.set_viewport_size(LIBRARY_SIZE)
        page.goto(f"{facts['baseUrl']}/#library")
        page.reload()
        expect(page.locator("#library img.loaded").nth(len(IN_LIBRARY) - 1)).to_be_attached(timeout=JOB_MILLISECONDS)
        expect(page.locator(".shelf-card img.loaded")).to_have_count(len(COLLECTIONS))
        page.wait_for_load_state("networkidle")
        _save(page, "library.png")
        browser.close()


def _fill_library(facts: dict[str, str]) -> None:
    """Pictures, stars and collections, by the API."""
    headers = {"Authorization": f"Bearer {facts['apiKey']}"}
    with httpx2.Client(base_url=f"{facts['baseUrl']}/v1", headers=headers, timeout=70) as api:
        ids = []
        for prompt in IN_LIBRARY:
            body = {"model": "sandbox/v1", "operation": "generate", "input": {"prompt": prompt}}
            job = api.post("/jobs", json=body, headers={"Prefer": "wait=60"}).json()
            ids.append(job["output"]["assets"][0]["id"])
        for title, part in COLLECTIONS.items():
            collection = api.post("/collections", json={"title": title}).json()
            api.post(f"/collections/{collection['id']}/assets", json={"assetIds": ids[part]}).raise_for_status()
        for asset_id in ids[::4]:
            api.patch(f"/assets/{asset_id}", json={"favourite": True}).raise_for_status()


def _save(page: Page, name: str) -> None:
    DOCS.mkdir(exist_ok=True)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # Nobody sees a third of the shades missing, and the file is two thirds of its size.
    shot.point([round(shade / 3) * 3 for shade in range(256)] * 3).save(DOCS / name, optimize=True)


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
