"""What a person sees: a few lines while things start, one screen when they run, a line when something happens."""

import os
import sys
from pathlib import Path

from config.embedded.release import People

_CURL = """\
curl -sX POST {base_url}/v1/jobs -H 'Authorization: Bearer {api_key}' \\
  -H 'Content-Type: application/json' -H 'Prefer: wait=30' \\
  -d '{{"model": "sandbox/v1", "operation": "generate", "input": {{"prompt": "a lighthouse at dusk"}}}}'"""


def say(line: str) -> None:
    print(f"  {_dim('·')} {line}", flush=True)


def running(*, base_url: str, people: People, folder: Path, notes: list[str], seconds: float) -> str:
    """The screen; the curl line in it works when pasted."""
    rows = [
        ("Studio", f"{base_url}/", f"{people.email}  {people.password}"),
        ("Admin", f"{base_url}/admin/", f"{people.staff_email}  {people.staff_password}"),
        ("API", f"{base_url}/docs/", people.api_key),
        ("Mailbox", f"{base_url}/mailbox/", "what we would have mailed"),
    ]
    width = max(len(address) for _, address, _ in rows) + 2
    lines = [
        "",
        f"  {_bold('Media backend')} runs {_dim(f'(after {seconds:.0f} s)')}",
        "",
        *(f"  {name:<9}{_bold(address)}{' ' * (width - len(address))}{_dim(facts)}" for name, address, facts in rows),
        "",
        "  Make a picture:",
        "",
        _CURL.format(base_url=base_url, api_key=people.api_key),
        "",
        *(f"  Note: {note}" for note in notes),
        f"  {_dim(f'Logs in {folder}/logs, all facts in {folder}/run.json. Ctrl-C stops everything.')}",
        "",
    ]
    return "\n".join(lines)


def _bold(text: str) -> str:
    return _styled("1", text)


def _dim(text: str) -> str:
    return _styled("2", text)


def _styled(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text
