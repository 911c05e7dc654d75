"""API keys: made, shown once, looked up fast, revoked.

A key reads `pk_live_` + 8 characters of public id + 32 of secret + 6 of checksum, all base62. Rows are found by the
public id and compared by SHA-256: 190 random bits need no slow hash. The checksum (CRC32 of what stands before it)
turns mistyped and made-up keys away without a query, and lets scanners know a leaked key when they see one.
"""

import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from threading import Lock
from typing import Literal
from uuid import UUID
from zlib import crc32

from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.exceptions import TooManyApiKeys
from accounts.models import ApiKey, Organization, Role
from accounts.principal import Principal
from core import changes, clock
from core.exceptions import NotFound
from core.fresh import Fresh
from core.postgres.prepared import fetch_row

PREFIX = "pk_live_"
MAX_KEYS = 100
_PUBLIC, _SECRET, _CHECKSUM = 8, 32, 6
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_PUBLIC + _SECRET + _CHECKSUM}}}")

# A revoked key, a demoted maker: each acts at once in every process that hears of it, and within the shorter time where
# Valkey is away. Closing an organization or a user past our own pages acts within the longer.
_REMEMBERED_SECONDS, _REMEMBERED_SECONDS_TOLD = 5, 60
_USE_NOTED_SECONDS = 60
_USES_GATHER_SECONDS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new key; `secret` is the whole key, and this is the only time it is known."""

    row: ApiKey
    secret: str


class _Uses:
    """The keys used since the last write. A busy process notes many in one statement, a second apart. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: set[UUID] = set()
        self._next_write = 0.0

    def add(self, key_id: UUID) -> list[UUID]:
        """The keys to note now: this one with those that waited, or none while the last write is too fresh."""
        now = clock.monotonic()
        with self._lock:
            self._waiting.add(key_id)
            if now < self._next_write:
                return []
            self._next_write = now + _USES_GATHER_SECONDS
            noted, self._waiting = list(self._waiting), set()
            return noted


class _UnknownKey(LookupError):
    """No such key, or not any more."""


_known = Fresh[bytes, "_Row"](seconds=_REMEMBERED_SECONDS, told_seconds=_REMEMBERED_SECONDS_TOLD)
_uses = _Uses()


def authenticate(secret: str) -> Principal | None:
    """Who a key acts as; None when it is malformed, unknown, expired or revoked, or its maker or organization is gone.

    One query, or none for a key seen within 5 seconds (60 while this process hears of changes). Notes the use at most
    once a minute; where many keys are in use, with up to a second's delay, and not for certain.
    """
    if not _SHAPE.fullmatch(secret) or _checksum(secret[:-_CHECKSUM]) != secret[-_CHECKSUM:]:
        return None
    digest = sha256(secret.encode()).digest()
    try:
        row = _known.get(digest, lambda digest: _look_up(secret, digest))
    except _UnknownKey:
        return None
    return row.principal if row.expires_at is None or clock.now() < row.expires_at else None


def principal_of_key(key_id: UUID) -> Principal | None:
    """Who a key that was checked before acts as now; None when it no longer may."""
    row = _read("id", key_id)
    return row.principal if row else None


def issue(
    *, organization_id: UUID, user_id: UUID, name: str, scopes: Iterable[str] = (), expires_at: datetime | None = None
) -> IssuedKey:
    """Make a key that acts for its maker in the organization; no scopes means all that their role may.

    Raises TooManyApiKeys. Locks the organization's row, so that its keys are counted one at a time.
    """
    body = PREFIX + _random(_PUBLIC + _SECRET)
    secret = body + _checksum(body)
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
        if ApiKey.objects.living().filter(organization_id=organization_id).count() >= MAX_KEYS:
            raise TooManyApiKeys(limit=MAX_KEYS)
        row = ApiKey.objects.create(
            organization_id=organization_id,
            user_id=user_id,
            name=name,
            public_id=secret[len(PREFIX) : len(PREFIX) + _PUBLIC],
            secret_sha256=sha256(secret.encode()).digest(),
            scopes=sorted(set(scopes)),
            expires_at=expires_at,
        )
        audit.record(
            "api_key.issued",
            actor_id=user_id,
            organization_id=organization_id,
            facts={"apiKeyId": str(row.pk), "name": name, "scopes": row.scopes},
        )
    return IssuedKey(row=row, secret=secret)


def within_makers_life(actor: Principal, expires_at: datetime | None) -> datetime | None:
    """When a new key is to end: as asked for, and no later than the key that asks for it."""
    if actor.api_key_id is None:
        return expires_at
    makers = ApiKey.objects.values_list("expires_at", flat=True).get(pk=actor.api_key_id)
    return min((moment for moment in (expires_at, makers) if moment), default=None)


def revoke(key_id: UUID, *, organization_id: UUID, actor_id: UUID, reason: str = "") -> None:
    """End a key of the organization for good; raises NotFound for others and for keys revoked before.

    Staff give a reason, which is kept with who did it.
    """
    with transaction.atomic():
        living = ApiKey.objects.filter(pk=key_id, organization_id=organization_id, revoked_at__isnull=True)
        if not living.update(revoked_at=Now()):
            raise NotFound
        audit.record(
            "api_key.revoked",
            actor_id=actor_id,
            organization_id=organization_id,
            reason=reason,
            facts={"apiKeyId": str(key_id)},
        )
        changes.tell()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    key_id: UUID
    digest: bytes
    last_used_at: datetime | None
    expires_at: datetime | None
    principal: Principal


# A key that may be used now, its organization open, its maker active and still a member. Written out, since this is
# asked for every key every few seconds and building it anew costs more than answering it.
_READ = """
    SELECT k.id, k.organization_id, k.user_id, k.secret_sha256, k.scopes, k.last_used_at, k.expires_at, m.role
      FROM accounts_apikey k
      JOIN accounts_organization o ON o.id = k.organization_id AND o.closed_at IS NULL
      JOIN accounts_user u ON u.id = k.user_id AND u.is_active
      JOIN accounts_membership m ON m.organization_id = k.organization_id AND m.user_id = k.user_id
     WHERE k.{field} = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
"""
# Whoever holds a row is noting the use too, or revoking the key: neither is worth waiting for.
_NOTE_USES = """
    UPDATE accounts_apikey SET last_used_at = %s
     WHERE id IN (SELECT id FROM accounts_apikey WHERE id = ANY(%s) FOR NO KEY UPDATE SKIP LOCKED)
"""


def _read(field: Literal["id", "public_id"], value: object) -> _Row | None:
    values = fetch_row(_READ.format(field=field), [value])
    if values is None:
        return None
    key_id, organization_id, user_id, digest, scopes, last_used_at, expires_at, role = values
    return _Row(
        key_id=key_id,
        digest=bytes(digest),
        last_used_at=last_used_at,
        expires_at=expires_at,
        principal=Principal(
            user_id=user_id,
            organization_id=organization_id,
            role=Role(role),
            api_key_id=key_id,
            scopes=frozenset(scopes) or None,
        ),
    )


def _look_up(secret: str, digest: bytes) -> _Row:
    row = _read("public_id", secret[len(PREFIX) : len(PREFIX) + _PUBLIC])
    if row is None or not compare_digest(row.digest, digest):
        raise _UnknownKey
    _note_use(row)
    return row


def _note_use(row: _Row) -> None:
    """Write down that a key was used, unless somebody did within the minute or is about to. Never fails a request."""
    now = clock.now()
    if row.last_used_at and (now - row.last_used_at).total_seconds() < _USE_NOTED_SECONDS:
        return
    if not (key_ids := _uses.add(row.key_id)):
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NOTE_USES, [now, key_ids])
    except DatabaseError:
        return


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    value, characters = crc32(text.encode()), []
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))
