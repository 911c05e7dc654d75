"""`make run` on a machine that has nothing: everything comes up, says where, and is gone after Ctrl-C."""

import json
import os
import signal
import stat
import subprocess
import sys
from contextlib import closing, contextmanager

import httpx2
import pytest

from config.embedded import ports, screen
from config.embedded.application import ROOT
from config.embedded.processes import Identity, members
from config.embedded.release import People
from config.embedded.state import AlreadyRunning, State

PIDS = {"web", "live", "worker", "media", "beat", "postgres", "valkey", "s3", "edge"}
PEOPLE = People(
    email="demo@example.com", password="one", api_key="pk_live_two", staff_email="staff@example.com", staff_password="3"
)


@pytest.mark.timeout(400)
def test_everything_comes_up_and_goes_down(open_folder):
    folder = open_folder
    with _running(folder) as (run, facts):
        # then
        assert stat.S_IMODE((folder / "run.json").stat().st_mode) == 0o600
        assert set(facts) == {
            *("baseUrl", "adminUrl", "apiKey", "demo", "staff", "databaseUrl", "redisUrl", "s3EndpointUrl"),
            *("pids", "standIns"),
        }
        assert set(facts["pids"]) == PIDS
        assert facts["standIns"] == {"ideogram": None, "qwen": None, "stripe": None}
        key = {"Authorization": f"Bearer {facts['apiKey']}"}
        assert httpx2.get(f"{facts['baseUrl']}/livez").status_code == 200
        assert httpx2.get(f"{facts['baseUrl']}/v1/balance", headers=key).json()["available"] == 100_000

        # when a second one is started, then it says so and leaves the first alone
        second = _start(folder)
        assert second.wait(timeout=60) == 1
        assert "runs already" in second.stderr.read().decode()
        second.stderr.close()
        assert json.loads((folder / "run.json").read_text()) == facts

        # when a child is killed, then it comes back, and the facts say so
        os.kill(facts["pids"]["beat"], signal.SIGKILL)
        _wait_until(lambda: _facts(folder)["pids"]["beat"] != facts["pids"]["beat"], seconds=30)
        everybody = [pid for leader in _facts(folder)["pids"].values() for pid in (leader, *members(leader))]

        # when
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=90) == 0

    # then
    assert [pid for pid in everybody if Identity.of(pid)] == []
    assert not (folder / "run.json").exists()
    assert "beat ended (SIGKILL)" in (folder / "screen").read_text()


@pytest.fixture
def state(tmp_path):
    with closing(State(tmp_path)) as state:
        yield state


def test_a_data_folder_is_used_by_one_at_a_time(state):
    # then
    with pytest.raises(AlreadyRunning):
        State(state.folder)

    # when
    state.close()

    # then
    State(state.folder).close()


def test_the_secret_key_is_made_once_and_for_us_alone(state):
    # when
    first, second = state.secret_key(), state.secret_key()

    # then
    assert first == second
    assert len(first) > 50
    assert stat.S_IMODE((state.folder / "secrets.json").stat().st_mode) == 0o600


def test_the_screen_fits_a_terminal_and_its_curl_line_is_whole(tmp_path):
    # when
    text = screen.running(
        base_url="http://localhost:8000", people=PEOPLE, folder=tmp_path, notes=["web moved"], seconds=9
    )

    # then
    assert len(text.splitlines()) < 24
    command = text[text.index("curl ") : text.index("  Note")]
    parsed = subprocess.run(["sh", "-c", f"set -- {command.removeprefix('curl')}\nprintf '%s\\n' \"$@\""], **_CAPTURE)
    assert parsed.stdout.splitlines()[:2] == ["-sX", "POST"]
    assert "Authorization: Bearer pk_live_two" in parsed.stdout
    assert json.loads(parsed.stdout.splitlines()[-1])["model"] == "sandbox/v1"
    assert "demo@example.com  one" in text
    assert "Note: web moved" in text


_CAPTURE = {"capture_output": True, "text": True, "check": True}


@contextmanager
def _running(folder):
    run = _start(folder)
    try:
        assert ports.wait_until((folder / "run.json").exists, seconds=300, while_true=lambda: run.poll() is None), (
            run.stderr.read().decode() if run.poll() is not None else (folder / "screen").read_text()
        )
        yield run, _facts(folder)
    finally:
        if run.poll() is None:
            run.terminate()
            run.wait(timeout=120)
        run.stderr.close()


def _start(folder):
    """With an environment that names nothing of ours, as a newcomer's."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (folder / "screen").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "config.embedded.run"],
            cwd=ROOT,
            env=environment | {"DATA_DIR": str(folder)},
            stdout=output,
            stderr=subprocess.PIPE,
        )


def _facts(folder):
    return json.loads((folder / "run.json").read_text())


def _wait_until(condition, seconds):
    assert ports.wait_until(condition, seconds=seconds, while_true=lambda: True), "it did not happen in time"
