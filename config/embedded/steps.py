"""The steps of a release that need Django, each in a process of its own: loading Django takes longer than most of them.

`python -m config.embedded.steps static`, or `database PEOPLE_FILE`, which also makes somebody to sign in as.
"""

import json
import os
import secrets
import shlex
import sys
from io import StringIO
from pathlib import Path

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command

from config.embedded.application import procfile
from config.embedded.state import write_privately

DEMO_CREDITS = 100_000


def static() -> None:
    call_command("collectstatic", interactive=False, verbosity=0)


def database(people_file: Path) -> None:
    """What the Procfile's release does, and a demo organization with credits and a member of staff."""
    for command in procfile()["release"].split("&&"):
        _, _, *arguments = shlex.split(command)
        call_command(*arguments)
    if not people_file.exists():
        write_privately(people_file, _people())


def _people() -> dict[str, str]:
    users = get_user_model()._default_manager
    # A database may know the names already while this data folder does not know their passwords.
    mark = f"-{secrets.token_hex(3)}" if users.filter(email="demo@example.com").exists() else ""
    answer = StringIO()
    call_command("seed", json=True, email=f"demo{mark}@example.com", credits=DEMO_CREDITS, stdout=answer)
    seeded = json.loads(answer.getvalue())["organizations"][0]
    staff_email, staff_password = f"staff{mark}@example.com", secrets.token_urlsafe(12)
    os.environ["DJANGO_SUPERUSER_PASSWORD"] = staff_password
    call_command("createsuperuser", interactive=False, email=staff_email)
    return {
        **seeded["users"][0],
        "api_key": seeded["apiKey"],
        "staff_email": staff_email,
        "staff_password": staff_password,
    }


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "static":
        static()
    else:
        database(Path(sys.argv[2]))
