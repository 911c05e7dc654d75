"""The embedded servers: real, private to us, and back after whatever was done to them."""

import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import psycopg
import pytest
import redis

from config.embedded import ports, processes
from config.embedded.postgres import UNSAFE_BUT_QUICK, Postgres, place
from config.embedded.processes import Identity, Process, StartFailed
from config.embedded.s3 import S3
from config.embedded.servers import Servers
from config.embedded.valkey import Valkey


@pytest.fixture
def postgres(open_folder):
    server = Postgres(
        directory=place(open_folder / "postgres"), log=open_folder / "postgres.log", settings=UNSAFE_BUT_QUICK
    )
    yield server
    server.stop()


@pytest.fixture
def valkey(open_folder):
    server = Valkey(directory=open_folder / "valkey", log=open_folder / "valkey.log")
    yield server
    server.stop()


@pytest.fixture
def s3(open_folder):
    server = S3(directory=open_folder / "s3", log=open_folder / "s3.log", buckets=("first", "second"))
    yield server
    server.stop(grace_seconds=0)


# --- Postgres --------------------------------------------------------------------------------------------------------
def test_postgres_is_version_18_with_a_locale_that_is_the_same_everywhere(postgres):
    # when
    postgres.start()

    # then
    with psycopg.connect(postgres.url()) as connection:
        version, locale, provider = connection.execute(
            "SELECT current_setting('server_version_num')::int, datlocale, datlocprovider FROM pg_database"
            " WHERE datname = 'postgres'"
        ).fetchone()
        assert (version // 10_000, locale, provider) == (18, "C.UTF-8", "b")


def test_postgres_lets_nobody_in_without_the_password(postgres):
    # given
    postgres.start()
    guess = postgres.url().replace(postgres.password, "postgres")

    # then
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(guess)
    assert stat.S_IMODE((postgres.directory / "password").stat().st_mode) == 0o600


def test_postgres_listens_on_the_loopback_alone(postgres):
    # given
    postgres.start()

    # then
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)


def test_postgres_takes_another_port_when_its_own_is_taken(postgres):
    # given
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        # when
        postgres.start(taken)

    # then
    assert postgres.port != taken
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_postgres_keeps_its_rows_over_a_kill(postgres):
    # given
    postgres.start()
    postgres.create_database("kept")
    with psycopg.connect(postgres.url("kept"), autocommit=True) as connection:
        connection.execute("CREATE TABLE note AS SELECT 'written' AS word")
        connection.execute("CHECKPOINT")

    # when
    os.kill(postgres.process.pid, signal.SIGKILL)
    assert (postgres.data / "postmaster.pid").exists()
    postgres.process.stop(grace_seconds=0)
    postgres.start()

    # then
    with psycopg.connect(postgres.url("kept")) as connection:
        assert connection.execute("SELECT word FROM note").fetchone() == ("written",)


def test_postgres_starts_when_its_old_number_belongs_to_another_process(postgres):
    # given
    postgres.start()
    postgres.stop()
    (postgres.data / "postmaster.pid").write_text(f"{os.getpid()}\n{postgres.data}\n")

    # when
    postgres.start()

    # then
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_postgres_does_not_start_beside_itself(postgres, open_folder):
    # given
    postgres.start()
    second = Postgres(directory=postgres.directory, log=open_folder / "second.log")

    # then
    with pytest.raises(StartFailed, match="already runs on"):
        second.start()
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_cluster_whose_making_was_interrupted_is_made_anew(postgres):
    # given
    postgres.data.mkdir(parents=True)
    (postgres.data / "half").touch()

    # when
    postgres.start()

    # then
    assert not (postgres.data / "half").exists()


def test_a_closed_home_is_left_to_root(monkeypatch, open_folder):
    # given
    closed = open_folder / "closed"
    closed.mkdir()
    closed.chmod(0o700)

    # then
    if os.geteuid() == 0:
        assert place(closed / "postgres").parent == place(closed / "other").parent != closed
        assert place(closed / "postgres") == place(closed / "postgres") != place(closed / "other")
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    assert place(closed / "postgres") == closed / "postgres"


# --- Valkey ----------------------------------------------------------------------------------------------------------
def test_valkey_keeps_strangers_out_and_evicts_nothing(valkey):
    # when
    valkey.start()

    # then
    with redis.Redis.from_url(valkey.url()) as client:
        assert client.ping()
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with redis.Redis(port=valkey.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    assert valkey.password not in " ".join(valkey.process.command)


def test_valkey_comes_back_under_the_same_address(valkey):
    # given
    valkey.start()
    before = valkey.url()
    os.kill(valkey.process.pid, signal.SIGKILL)
    valkey.process.stop(grace_seconds=0)

    # when
    valkey.start(valkey.port)

    # then
    assert valkey.url() == before
    with redis.Redis.from_url(before) as client:
        assert client.ping()


# --- S3 --------------------------------------------------------------------------------------------------------------
def test_s3_has_its_buckets_and_keeps_strangers_out(s3):
    # when
    s3.start()

    # then
    client = _client(s3)
    client.put_object(Bucket="first", Key="picture", Body=b"bytes", ContentType="image/png")
    assert client.list_objects_v2(Bucket="second")["KeyCount"] == 0
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{s3.url}/first/picture")
    assert refused.value.code == 403
    refused.value.close()


def test_s3_keeps_objects_over_a_kill_and_on_other_ports(s3):
    # given
    s3.start()
    _client(s3).put_object(Bucket="first", Key="picture", Body=b"bytes", ContentType="image/png")
    before = s3.port
    os.kill(s3.process.pid, signal.SIGKILL)

    # when
    s3.stop(grace_seconds=0)
    with socket.create_server(("127.0.0.1", before)):
        s3.start(before)

    # then
    assert s3.port != before
    answer = _client(s3).get_object(Bucket="first", Key="picture")
    assert (answer["ContentType"], answer["Body"].read()) == ("image/png", b"bytes")


def _client(s3):
    return boto3.client(
        "s3",
        endpoint_url=s3.url,
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
        region_name="us-east-1",
    )


# --- which are started -----------------------------------------------------------------------------------------------
def test_a_server_that_the_environment_names_is_not_started(open_folder):
    # given
    given = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://valkey", "S3_ENDPOINT_URL": "http://s3"}

    # when
    servers = Servers.wanted(given, folder=open_folder, logs=open_folder)

    # then
    assert servers.start() == {}
    assert servers.processes() == {}


# --- processes -------------------------------------------------------------------------------------------------------
def test_what_a_process_started_ends_with_it(open_folder):
    # given
    script = "import subprocess, sys, time; subprocess.Popen(['sleep', '60'], process_group=0); time.sleep(60)"
    process = Process(
        name="parent", command=[sys.executable, "-c", script], log=open_folder / "log", cwd=open_folder
    ).start()
    pid = process.pid
    _wait_until(lambda: len(list(processes.members(pid))) == 2)

    # when
    process.stop(grace_seconds=2)

    # then
    _wait_until(lambda: not list(processes.members(pid)))


def test_a_process_that_does_not_listen_is_killed(open_folder):
    # given
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    process = Process(
        name="deaf", command=[sys.executable, "-c", script], log=open_folder / "log", cwd=open_folder
    ).start()
    _wait_until(lambda: "on" in processes.tail(open_folder / "log"))
    pid = process.pid

    # when
    process.stop(grace_seconds=0.2)

    # then
    assert Identity.of(pid) is None


def test_children_follow_a_parent_that_was_killed(open_folder):
    # given
    script = (
        "import os, sys, time; from pathlib import Path; from config.embedded.processes import Process;"
        "child = Process(name='c', command=['sleep', '60'], log=Path(sys.argv[1]), cwd=Path('/')).start();"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(open_folder / "log")], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())

        # when
        parent.kill()

    # then
    _wait_until(lambda: Identity.of(child) is None)


def test_left_overs_are_ended_and_strangers_with_their_number_are_not(open_folder):
    # given
    process = Process(name="old", command=["sleep", "60"], log=open_folder / "log", cwd=open_folder).start()
    identity = Identity.of(process.pid)
    stranger = Identity(pid=process.pid, started="another moment")

    # then
    assert not processes.end(stranger, stop_signal=signal.SIGTERM, grace_seconds=0)
    assert process.is_running
    assert processes.end(identity, stop_signal=signal.SIGTERM, grace_seconds=2)
    assert process.how_it_ended == "SIGTERM"
    process.stop(grace_seconds=0)
    assert not processes.end(identity, stop_signal=signal.SIGTERM, grace_seconds=0)


def test_a_log_that_grew_large_is_put_aside(open_folder):
    # given
    log = open_folder / "old.log"
    log.write_bytes(b"x" * (10 * 1024**2 + 1))

    # when
    Process(name="old", command=["true"], log=log, cwd=open_folder).start().stop(grace_seconds=1)

    # then
    assert (log.stat().st_size, (open_folder / "old.log.1").stat().st_size) == (0, 10 * 1024**2 + 1)


# --- ports -----------------------------------------------------------------------------------------------------------
def test_a_taken_port_is_passed_over():
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert not ports.is_free(taken)
        assert ports.accepts(taken)
        assert ports.choose(taken) != taken
    assert ports.choose(taken) == taken


def test_no_port_at_all_is_said():
    with pytest.raises(OSError, match="no free port"):
        ports.choose(1, usable=lambda port: False)


def _wait_until(condition, seconds=10):
    assert ports.wait_until(condition, seconds=seconds, while_true=lambda: True), "it did not happen in time"
