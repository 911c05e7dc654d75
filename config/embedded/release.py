"""What must be so before our processes start: schema, rate card, static files, and somebody to sign in as."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded.application import ROOT
from config.embedded.processes import Process, tail
from config.embedded.state import State


class ReleaseFailed(Exception):
    """A step of the release did not succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who can sign in, and with what: the owner of a demo organization with credits, and a member of staff."""

    email: str
    password: str
    api_key: str
    staff_email: str
    staff_password: str


def release(state: State, environment: Mapping[str, str], *, say: Callable[[str], None]) -> People:
    """Bring database and static files up to date, side by side; quick where they are."""
    static = {"digest": digest_of_files("static/**/*", "uv.lock")}
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        digest, people = digest_of_schema(), _known_people(state, connection)
        steps = []
        if people is None or _note(connection) != digest:
            steps.append(_step(state, environment, "database", str(state.folder / "people.json")))
        if state.read("static.json") != static:
            steps.append(_step(state, environment, "static"))
        if steps:
            say(f"bringing up to date: {', '.join(step.name for step in steps)}")
            _run_together(steps)
            _write_note(connection, digest)
            state.write("static.json", static)
    return people or People(**state.read("people.json"))


def digest_of_schema() -> str:
    """Changes with everything a release writes into the database."""
    return digest_of_files(
        "*/migrations/*.py",
        "billing/djstripe_migrations/*.py",
        "*/sql/*.sql",
        "generation/catalog.py",
        "generation/providers/**/*.py",
        "config/management/commands/sync_catalog.py",
        "uv.lock",
    )


def digest_of_files(*patterns: str) -> str:
    contents = [
        (str(path.relative_to(ROOT)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in _files(patterns)
    ]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:16]


def _step(state: State, environment: Mapping[str, str], name: str, *arguments: str) -> Process:
    return Process(
        name=name,
        command=[sys.executable, "-m", "config.embedded.steps", name, *arguments],
        log=state.logs / f"release-{name}.log",
        cwd=ROOT,
        env=dict(environment),
    )


def _run_together(steps: list[Process]) -> None:
    try:
        for step in steps:
            step.start()
        for step in steps:
            if step.wait():
                raise ReleaseFailed(f"The release of the {step.name} failed; the end of {step.log}:\n{tail(step.log)}")
    finally:
        for step in steps:
            step.stop(grace_seconds=5)


def _known_people(state: State, connection: psycopg.Connection) -> People | None:
    """Those of an earlier run; None, and forgotten, where this database does not know them."""
    known = state.read("people.json")
    if known and _has_user(connection, known["email"]) and _has_user(connection, known["staff_email"]):
        return People(**known)
    (state.folder / "people.json").unlink(missing_ok=True)
    return None


def _has_user(connection: psycopg.Connection, email: str) -> bool:
    try:
        return connection.execute("SELECT 1 FROM accounts_user WHERE email = %s", [email]).fetchone() is not None
    except psycopg.errors.UndefinedTable:
        return False


def _note(connection: psycopg.Connection) -> str | None:
    """The word on what was released to it; it lives in the database, so that a copy or a fresh one is not misjudged."""
    row = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    return row[0] if row else None


def _write_note(connection: psycopg.Connection, digest: str) -> None:
    name = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(digest)))


def _files(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (path for path in sorted(ROOT.glob(pattern)) if path.is_file())
