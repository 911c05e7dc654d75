"""Every variable is documented, and what .env.example calls necessary is enough."""

import os
import re
import subprocess
import sys

from config.embedded.application import ROOT

EXAMPLE = (ROOT / ".env.example").read_text()
SETTINGS = (ROOT / "config/settings.py").read_text()
READERS = r'env\.(?:text|boolean|integer|seconds|words)\(\s*"([A-Z0-9_]+)"'
# Read by the Procfile's commands, by Prometheus's library, and by `make run`.
READ_ELSEWHERE = {"HOST", "PORT", "WEB_PROCESSES", "PROMETHEUS_MULTIPROC_DIR", "DATA_DIR", "PGBIN"}


def test_each_variable_is_in_the_example_once():
    documented = re.findall(r"^#?([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)

    assert sorted(documented) == sorted(set(re.findall(READERS, SETTINGS)) | READ_ELSEWHERE)


def test_settings_read_the_environment_through_the_typed_readers_alone():
    assert "os.environ" not in SETTINGS
    assert "getenv" not in SETTINGS


def test_the_necessary_variables_are_enough():
    # given
    necessary = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))

    # when
    answer = _check(necessary)

    # then
    assert answer.returncode == 0, answer.stderr


def test_a_missing_one_is_named():
    # given
    necessary = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    del necessary["DATABASE_URL"]

    # when
    answer = _check(necessary)

    # then
    assert answer.returncode == 1
    assert "DATABASE_URL must be set; see .env.example" in answer.stderr


def _check(environment):
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
