"""The guard: with an old library moved in and a provider that answers in base64, no media is written out anywhere.

Not in an answer of any GET route of the API, an event, a message, a key in Valkey, a column of any table or a line of
the log. Webhooks have their deliveries in a table of their own, which is read like every other.
"""

import asyncio
import base64
import json
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import ClassVar

import httpx2
import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import AsyncClient

from core import postman, valkey
from core.inline import LEFT_OUT
from core.threads import on_thread
from generation import catalog
from generation.models import Job
from generation.providers.base import Done, Output, ProviderError
from generation.providers.sandbox.offers import OFFERS
from storage.models import Asset
from tests.generation.conftest import empty_line, runner  # noqa: F401 - a real runner
from tests.generation.running import ended
from tests.storage.libraries import data_url, library, line
from tests.storage.pictures import picture

MADE = picture(120, 90, seed=501)
OLD = picture(120, 90, seed=502)
UPLOADED = picture(120, 90, seed=503)
DATA_URL = re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64", re.IGNORECASE)
RUN = re.compile(r"[A-Za-z0-9+/_-]{1001,}")


def assert_no_media(text, where):
    for found in DATA_URL.finditer(text):
        pytest.fail(f"{where}: {text[max(0, found.start() - 80) : found.end() + 20]}")
    for found in RUN.finditer(text):
        # Other tests' thousands of the same letter are no media.
        assert len(set(found[0])) < 20, f"{where}: {found[0][:80]}"
    for content in (MADE, OLD, UPLOADED):
        assert base64.b64encode(content).decode()[:60] not in text, where


class Wire(BaseHTTPRequestHandler):
    """A provider's API as many are: pictures in base64 inside JSON, and errors that say what they were asked."""

    def do_POST(self):
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        status = 400 if prompt == "refused" else 200
        body = {"data": [{"b64_json": base64.b64encode(MADE).decode()}], "preview": data_url(MADE)}
        if status == 400:
            body = {"error": {"message": f"Cannot draw this: {data_url(MADE)}"}}
        answer = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


class InBase64:
    """An adapter that passes on far too much: the answer as facts and as text, and errors word for word."""

    slug: ClassVar = "sandbox"
    models: ClassVar = {"sandbox/v1": "Sandbox"}
    offers: ClassVar = OFFERS
    address: ClassVar = ""

    async def submit(self, request):
        async with httpx2.AsyncClient() as client:
            answer = await client.post(self.address, json={"prompt": request.input.prompt})
        facts = answer.json()
        if answer.status_code != 200:
            raise ProviderError("content_policy", facts["error"]["message"])
        if request.input.prompt == "broken":
            raise RuntimeError(answer.text)
        path = request.folder / "made.png"
        path.write_bytes(base64.b64decode(facts["data"][0]["b64_json"]))
        outputs = (Output(kind="image", path=path), Output(kind="text", text=f"Here it is: {facts['preview']}"))
        return Done(outputs=outputs, units=1, data=facts)

    async def find(self, request):
        raise ProviderError("provider_unknown", f"Nothing is known of {data_url(MADE)}", billed="unknown")

    def outcome_ttl_seconds(self):
        return 1.0


@pytest.fixture
def base64_provider(monkeypatch):
    """In the place of the sandbox, with its models and prices."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wire)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(InBase64, "address", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setitem(catalog.PROVIDERS, "sandbox", InBase64)
    yield
    server.shutdown()
    server.server_close()


@contextmanager
def overheard():
    """Every message published in Valkey meanwhile."""
    messages = []
    listener = valkey.client().pubsub()
    listener.psubscribe("*")
    assert listener.get_message(timeout=5)["type"] == "psubscribe"
    try:
        yield messages
        postman.finish()
        while (message := listener.get_message(timeout=0.5)) is not None:
            messages.append(message["channel"].decode() + " " + message["data"].decode())
    finally:
        listener.close()


def submit(api, prompt, **more):
    body = {"operation": "generate", "model": "sandbox/v1", "input": {"prompt": prompt, **more}}
    answer = api.post("/v1/jobs", body, format="json")
    assert answer.status_code == 202, answer.json()
    return Job.objects.get(pk=answer.json()["jobId"])


def every_answer(api, **named):
    """(address, text) of every GET route in the API's own description, with ids of what there is."""
    description = api.get("/v1/openapi.json")
    yield "/v1/openapi.json", description.content.decode()
    for route, methods in json.loads(description.content)["paths"].items():
        if "get" in methods and not route.endswith("/events"):
            address = re.sub(r"\{(\w+)\}", lambda found: str(named.get(found[1], uuid.uuid4())), route)
            answer = api.get(address)
            assert answer.status_code < 500, address
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            told = "\n".join([*(f"{name}: {value}" for name, value in answer.headers.items()), body.decode("latin-1")])
            yield address, told


async def streamed(secret, job_id):
    """The events of a job that has ended, as `live` streams them."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    answer = await AsyncClient().get(f"/v1/jobs/{job_id}/events", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    text = b"".join([chunk async for chunk in answer.streaming_content]).decode()
    await on_thread(connections.close_all)
    return text


def every_row():
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            yield from ((table, row) for (row,) in cursor.fetchall())


def every_key():
    """What Valkey holds; the bodies of Celery's messages are themselves base64 and are read as what they say."""
    store = valkey.client()
    for key in store.scan_iter("*"):
        match store.type(key):
            case b"string":
                found = [store.get(key)]
            case b"list":
                found = store.lrange(key, 0, -1)
                found += [base64.b64decode(json.loads(one)["body"]) for one in found if one.startswith(b'{"body"')]
            case b"hash":
                found = [part for pair in store.hgetall(key).items() for part in pair]
            case b"set":
                found = list(store.smembers(key))
            case b"zset":
                found = store.zrange(key, 0, -1)
            case b"stream":
                found = [json.dumps(str(entry)).encode() for entry in store.xrange(key)]
        yield from ((key, one.decode("latin-1")) for one in found)


def test_no_media_is_written_out_anywhere(
    api, owner, organization, funded, runner, base64_provider, tmp_path, capfd, caplog  # noqa: F811
):  # fmt: skip
    caplog.set_level("INFO")
    with overheard() as messages:
        # given: an old library, whose prompts too have pictures in them
        old = library(tmp_path / "old.jsonl", [line(OLD, id="old", prompt=f"like {data_url(OLD)}", tags=["cat"])])
        call_command("import_data_urls", str(old), organization=organization.pk, user=owner.email, stdout=StringIO())
        uploaded = api.post("/v1/assets", UPLOADED, content_type="image/png").json()

        # when
        made, refused, broken = (ended(submit(api, prompt), runner) for prompt in ("a cat", "refused", "broken"))
        inline = {"operation": "generate", "model": "sandbox/v1", "input": {"prompt": data_url(UPLOADED)}}
        turned_away = api.post("/v1/jobs", inline, format="json")

    # then: the pictures are assets, and what else was said is there without them
    assert turned_away.json()["code"] == "inline_media"
    assert (made.status, refused.status, broken.status) == ("succeeded", "failed", "failed")
    job = api.get(f"/v1/jobs/{made.pk}").json()
    assert job["output"]["text"] == [f"Here it is: {LEFT_OUT}"]
    assert job["output"]["data"] == {"data": [{"b64_json": LEFT_OUT}], "preview": LEFT_OUT}
    assert api.get(f"/v1/jobs/{refused.pk}").json()["error"]["detail"] == f"Cannot draw this: {LEFT_OUT}"
    assert Asset.objects.get(organization=organization, import_key="old").prompt == f"like {LEFT_OUT}"
    assert api.get("/v1/assets").json()["data"][0]["sha256"]
    assert len(api.get("/v1/assets").json()["data"]) == 3

    # and nothing is written out
    named = {"job_id": made.pk, "asset_id": uploaded["id"], "organization_id": organization.pk}
    answers = dict(every_answer(api, **named)) | dict(every_answer(api, **named | {"job_id": refused.pk}))
    assert len(answers) > 15
    log = capfd.readouterr().out
    told = {
        "answer": answers.items(),
        "events": [(job.pk, asyncio.run(streamed(owner.secret, job.pk))) for job in (made, refused, broken)],
        "message": enumerate(messages),
        "row": every_row(),
        "valkey": every_key(),
        "log": [("stdout", log)],
    }
    for kind, texts in told.items():
        read = [assert_no_media(text, f"{kind} {where}") for where, text in texts]
        assert read, kind
    assert "attempt.submit_broke" in log
