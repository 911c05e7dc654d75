"""Who is there in every test: an organization with its owner and a teammate, and an outsider in another one."""

import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis
from django.db import connections
from rest_framework.test import APIClient

from accounts import api_keys
from accounts.models import Role
from core import changes, postman, valkey
from storage import object_store
from tests import servers
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory
from tests.relay import Relay
from usage import ledger


@pytest.fixture(scope="session")
def django_db_setup():
    """The worker's database was copied from the migrated template before Django read its settings."""


@pytest.fixture
def committed(request, django_db_setup, django_db_blocker):
    """Real commits, for races and for what other processes must see, in a database beside the others' (the stack's own,
    where its processes run). Nothing is taken back: such a test has an organization of its own and asserts about
    nobody else's rows.
    """
    database = servers.database_beside("stack" if "stack" in request.fixturenames else "committed")
    with django_db_blocker.unblock(), _using(database):
        yield


@contextmanager
def _using(database):
    """Every connection of this process, on whatever thread, opened meanwhile leads there."""
    shared = connections.settings["default"]
    before = shared["NAME"]
    connections.close_all()
    shared["NAME"] = database
    try:
        yield
    finally:
        connections.close_all()
        shared["NAME"] = before


@pytest.fixture
def rows(request):
    """Rows that vanish with the test, unless it works on committed ones."""
    is_committed = {"committed", "stack"} & set(request.fixturenames)
    request.getfixturevalue("committed" if is_committed else "db")


@pytest.fixture
def open_folder():
    """A short-lived folder that `nobody` can pass into, as Postgres needs it when the tests run as root."""
    with TemporaryDirectory(prefix="open-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture(autouse=True)
def nothing_remembered():
    """What a process remembers for seconds must not reach the next test."""
    changes.forget()


@pytest.fixture
def organization(rows):
    return OrganizationFactory()


@pytest.fixture
def owner(organization):
    """A user with `secret`, an API key of the organization, and `api`, a client that sends it."""
    return member(organization, Role.OWNER)


@pytest.fixture
def teammate(organization):
    return member(organization, Role.MEMBER)


@pytest.fixture
def outsider(rows):
    """The owner of another organization."""
    return member(OrganizationFactory(), Role.OWNER)


@pytest.fixture
def staff(rows):
    return UserFactory(is_staff=True, is_superuser=True)


@pytest.fixture
def api(owner):
    """The API as the owner's key sees it."""
    return owner.api


@pytest.fixture
def anonymous():
    """The API without credentials."""
    return APIClient()


@pytest.fixture
def funded(organization):
    """The organization's wallet with 10,000 credits that do not expire."""
    ledger.open_wallet(organization.pk)
    ledger.grant(organization.pk, kind="topup", credits=10_000, reference=f"test:{organization.pk}")
    organization.wallet.refresh_from_db()
    return organization.wallet


@pytest.fixture
def web_of(settings):
    """A function that serves (status, body, declared length) by path, on a host that may be fetched from."""
    servers = []

    def serve(answers):
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                status, body, length = answers[self.path]
                self.send_response(status)
                self.send_header("Content-Length", str(length))
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"localhost:{server.server_port}"
        settings.OUTBOUND_ALLOWED_HOSTS = frozenset({host})
        server.base_url, server.asked = f"http://{host}", asked
        return server

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def bucket_at(settings):
    """A function that has this process ask for the bucket at another port of the loopback."""

    def point(port):
        options = settings.STORAGES["default"]["OPTIONS"] | {"endpoint_url": f"http://127.0.0.1:{port}"}
        settings.STORAGES = settings.STORAGES | {"default": settings.STORAGES["default"] | {"OPTIONS": options}}
        object_store._made_client.cache_clear()

    yield point
    object_store._made_client.cache_clear()


@pytest.fixture
def valkey_relay(monkeypatch):
    """This process's Valkey, asked through a relay with the bounds of production."""
    relay = Relay(os.environ["REDIS_URL"])
    bounds = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}
    behind = valkey.client().connection_pool.connection_kwargs | bounds | {"port": relay.port}
    through = redis.Redis(connection_pool=redis.ConnectionPool(**behind))
    monkeypatch.setattr(valkey, "client", lambda: through)
    yield relay
    postman.finish()
    relay.close()
    valkey.breaker.succeeded()


def member(organization, role):
    """A user of that role with a key: `user.secret`, and a client that sends it: `user.api`."""
    user = MembershipFactory(organization=organization, role=role).user
    user.organization = organization
    user.secret = api_keys.issue(organization_id=organization.pk, user_id=user.pk, name="tests").secret
    user.api = APIClient()
    user.api.credentials(HTTP_AUTHORIZATION=f"Bearer {user.secret}")
    return user
