"""Wires the run: servers first, then Django's settings, then the fixtures (tests/fixtures.py, tests/stack.py)."""

import os

import django
import pytest

from config.embedded.processes import tail
from tests import servers

_servers = pytest.StashKey[servers.Servers]()
_entered = pytest.StashKey[bool]()
_FIXTURES = ("tests.fixtures", "tests.stack")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        config.stash[_servers] = servers.Servers()
        config.stash[_servers].start()
    if worker or not config.getoption("tx", None):
        servers.enter(worker or "main")
        config.stash[_entered] = True
        django.setup()
        for plugin in _FIXTURES:
            config.pluginmanager.import_plugin(plugin)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if _entered in config.stash:
        servers.leave()
    if _servers in config.stash:
        config.stash[_servers].stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if (mark := item.get_closest_marker("django_db")) and mark.kwargs.get("transaction"):
            raise pytest.UsageError(f"{item.nodeid}: use `committed`; emptying every table would take the rate card")
        if "stack" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test of the stack shows what each process said last."""
    report = yield
    if report.failed and (stack := getattr(item, "funcargs", {}).get("stack")):
        report.sections += [(f"log of {name}", tail(child.log, lines=20)) for name, child in stack.processes.items()]
    return report
