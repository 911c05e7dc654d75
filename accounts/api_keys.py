"""API keys: made, shown once, looked up fast, revoked.

A key reads `pk_live_` + 8 characters of public id + 32 of secret + 6 of checksum, all base62. Rows are found by the
public id and compared by SHA-256: 190 random bits need no slow hash. The checksum (CRC32 of what stands before it)
turns mistyped and made-up keys away without a query, and lets scanners know a leaked key when they see one.
"""

import re
import secrets
import string
from collections import OrderedDict
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
from core import clock
from core.exceptions import NotFound
from core.postgres.prepared import fetch_row

PREFIX = "pk_live_"
MAX_KEYS = 100
_PUBLIC, _SECRET, _CHECKSUM = 8, 32, 6
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_PUBLIC + _SECRET + _CHECKSUM}}}")

# A revoked key, a demoted maker, a closed organization: each acts within this time in every process.
_REMEMBERED_SECONDS = 5
_REMEMBERED_KEYS = 10_000
_USE_NOTED_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new key; `secret` is the whole key, and this is the only time it is known."""

    row: ApiKey
    secret: str


class _Remembered:
    """The principals of the keys used lately, by the hash of the key; least recently used go first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._principals: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    def get(self, digest: bytes) -> Principal | None:
        with self._lock:
            entry = self._principals.get(digest)
            if entry is None:
                return None
            good_until, principal = entry
            if clock.monotonic() >= good_until:
                del self._principals[digest]
                return None
            self._principals.move_to_end(digest)
            return principal

    def put(self, digest: bytes, principal: Principal, *, read_at: float) -> None:
        with self._lock:
            self._principals[digest] = (read_at + _REMEMBERED_SECONDS, principal)
            self._principals.move_to_end(digest)
            if len(self._principals) > _REMEMBERED_KEYS:
                self._principals.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._principals.clear()


_remembered = _Remembered()


def forget() -> None:
    """Read every key anew from now on, in this process; the others follow within 5 seconds. After access changed."""
    _remembered.clear()


def authenticate(secret: str) -> Principal | None:
    """Who a key acts as; None when it is malformed, unknown, expired or revoked, or its maker or organization is gone.

    One query, or none for a key seen within 5 seconds. Notes the use at most once a minute.
    """
    if not _SHAPE.fullmatch(secret) or _checksum(secret[:-_CHECKSUM]) != secret[-_CHECKSUM:]:
        return None
    digest = sha256(secret.encode()).digest()
    if principal := _remembered.get(digest):
        return principal
    read_at = clock.monotonic()
    public_id = secret[len(PREFIX) : len(PREFIX) + _PUBLIC]
    row = _read("public_id", public_id)
    if row is None or not compare_digest(row.digest, digest):
        return None
    _note_use(row)
    _remembered.put(digest, row.principal, read_at=read_at)
    return row.principal


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


def revoke(key_id: UUID, *, organization_id: UUID, actor_id: UUID) -> None:
    """End a key of the organization for good; raises NotFound for others and for keys revoked before."""
    with transaction.atomic():
        living = ApiKey.objects.filter(pk=key_id, organization_id=organization_id, revoked_at__isnull=True)
        if not living.update(revoked_at=Now()):
            raise NotFound
        audit.record(
            "api_key.revoked",
            actor_id=actor_id,
            organization_id=organization_id,
            facts={"apiKeyId": str(key_id)},
        )
    forget()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    key_id: UUID
    digest: bytes
    last_used_at: datetime | None
    principal: Principal


# A key that may be used now, its organization open, its maker active and still a member. Written out, since this is
# asked for every key every few seconds and building it anew costs more than answering it.
_READ = """
    SELECT k.id, k.organization_id, k.user_id, k.secret_sha256, k.scopes, k.last_used_at, m.role
      FROM accounts_apikey k
      JOIN accounts_organization o ON o.id = k.organization_id AND o.closed_at IS NULL
      JOIN accounts_user u ON u.id = k.user_id AND u.is_active
      JOIN accounts_membership m ON m.organization_id = k.organization_id AND m.user_id = k.user_id
     WHERE k.{field} = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
"""
# Whoever holds the row is noting the use too, or revoking the key: neither is worth waiting for.
_NOTE_USE = """
    UPDATE accounts_apikey SET last_used_at = %s
     WHERE id = (SELECT id FROM accounts_apikey WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED)
"""


def _read(field: Literal["id", "public_id"], value: object) -> _Row | None:
    values = fetch_row(_READ.format(field=field), [value])
    if values is None:
        return None
    key_id, organization_id, user_id, digest, scopes, last_used_at, role = values
    return _Row(
        key_id=key_id,
        digest=bytes(digest),
        last_used_at=last_used_at,
        principal=Principal(
            user_id=user_id,
            organization_id=organization_id,
            role=Role(role),
            api_key_id=key_id,
            scopes=frozenset(scopes) or None,
        ),
    )


def _note_use(row: _Row) -> None:
    """Write down that a key was used, unless somebody did within the minute or is about to. Never fails a request."""
    now = clock.now()
    if row.last_used_at and (now - row.last_used_at).total_seconds() < _USE_NOTED_SECONDS:
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NOTE_USE, [now, row.key_id])
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
