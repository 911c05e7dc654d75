import asyncio

import pytest
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from config.static import StaticFilesMiddleware


@pytest.fixture(autouse=True)
def collected(settings, tmp_path, db):
    """One file of ours, and one beside it that is none of the public's business."""
    (tmp_path / "public").mkdir()
    (tmp_path / "public/error.css").write_text("main {}")
    (tmp_path / "settings.py").write_text("SECRET_KEY = 1")
    settings.STATIC_ROOT = str(tmp_path / "public")


def test_a_file_of_ours_is_served():
    response = StaticFilesMiddleware(HttpResponse)(RequestFactory().get("/static/error.css"))

    assert response.headers["Content-Type"].startswith("text/css")
    assert b"".join(response) == b"main {}"
    response.close()


def test_an_async_request_passes_without_leaving_its_loop():
    # given
    async def view(request):
        return HttpResponse("made")

    async def ask(path):
        return await StaticFilesMiddleware(view)(AsyncRequestFactory().get(path))

    # when
    made, served = asyncio.run(ask("/v1/assets")), asyncio.run(ask("/static/error.css"))

    # then
    assert made.content == b"made"
    assert served.headers["Content-Type"].startswith("text/css")
    served.close()


@pytest.mark.parametrize("path", ["/static/../settings.py", "/static/%2e%2e/settings.py", "/static//etc/passwd"])
def test_nothing_but_collected_files_is_served(path):
    middleware = StaticFilesMiddleware(lambda request: HttpResponse("not a file", status=404))

    assert middleware(RequestFactory().get(path)).status_code == 404
