"""A headless Chromium of the machine's own, and pages that must not complain."""

import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1380, "height": 900}


@pytest.fixture(scope="module")
def chromium():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        reason = "no chromium on this machine: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    # The browser's event loop lives on this thread for as long as the module's tests run, in which no other loop can
    # and Django believes that a test's queries are made.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # Every process of the stack and the browser share one small machine.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints():
    """What the pages wrote to the console as errors, or threw. A test takes out what it provokes."""
    return []


@pytest.fixture
def open_page(stack, chromium, complaints):
    """Opens a page of the stack in a browser of its own; no page may have complained by the end of the test."""
    contexts = []

    def hear(message):
        # allauth answers 401 to say what comes next, such as a mail to confirm; the browser writes each of them down.
        if message.type == "error" and "/_allauth/" not in message.location["url"]:
            complaints.append(message.text)

    def open_page(path="/", viewport=DESKTOP, **options):
        context = chromium.new_context(base_url=stack.base_url, viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
