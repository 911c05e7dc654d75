"""Makes docs/studio.png, the picture in the README, from what `make run` started: python -m tests.browser.screenshot"""

import io
import json
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "studio.png"
SIZE: ViewportSize = {"width": 1440, "height": 1060}
JOB_MILLISECONDS = 120_000
# Made beforehand, so that the page has something to show below the job that runs.
MADE = [("A lighthouse at dusk, waves breaking", "3:2", 2)]
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
        shot = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    TARGET.parent.mkdir(exist_ok=True)
    # Nobody sees a third of the shades missing, and the file is two thirds of its size.
    shot.convert("RGB").point([round(shade / 3) * 3 for shade in range(256)] * 3).save(TARGET, optimize=True)


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
