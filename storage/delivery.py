"""Links to read one object by, for a while: three ways to sign them, one chosen by DELIVERY_SIGNER.

"edge" is our own: an HMAC over the address, its end and what the reader's browser is to be told. The edge that stands
before the bucket (ops/edge, ops/cdn) asks `grant` by a subrequest and reads the bucket in the reader's place, so no
reader ever holds anything the bucket itself would take. "s3" signs for the bucket, "cloudfront" for CloudFront.

What lies below public/ is everybody's: its address needs no signature and never ends while the copy is there.
"""

import hmac
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import parse_qs, urlencode, urlsplit

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.utils.http import content_disposition_header, http_date

from core import clock
from storage import object_store
from storage.models import Rendition

# What a browser may show by itself. Anything else is only ever downloaded.
SHOWN = frozenset(
    {
        "image/png", "image/jpeg", "image/webp", "image/gif", "image/avif",
        "audio/wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/mp4",
    }
)  # fmt: skip
PUBLIC_PREFIX = "public/"
_PATH = "/o/"
_YEAR_SECONDS = 31_536_000
# The edge reads a large object piece by piece, and each time with the address it was given at the start.
_ORIGIN_LIFETIME = timedelta(hours=6)
# A public copy that was taken back is still shown by an edge that asked so long ago.
_PUBLIC_REMEMBERED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the edge may do with one request: read this path of the bucket, and say this of what it finds."""

    origin_path: str
    content_type: str
    disposition: str
    cache_control: str
    repr_digest: str
    # Until when the edge may answer the same request without asking again.
    until: datetime


def link(key: str, *, content_type: str, filename: str, sha256: bytes, until: datetime) -> str:
    """A link that reads the object until then; type, name and hash of what it leads to are fixed in the signature."""
    disposition = content_disposition_header(content_type not in SHOWN, filename)
    assert disposition
    match settings.DELIVERY_SIGNER:
        case "edge":
            return _edge_link(key, content_type, disposition, sha256, until)
        case "cloudfront":
            return _cloudfront_link(key, content_type, disposition, until)
        case _:
            return object_store.presign_get(key, until=until, content_type=content_type, disposition=disposition)


def public_link(key: str) -> str:
    """The lasting address of an object below public/."""
    return f"{settings.CDN_BASE_URL}{_PATH if settings.DELIVERY_SIGNER == 'edge' else '/'}{key}"


def grant(uri: str, *, head: bool = False) -> Grant | None:
    """What a request for this path and query may have; None where it is not signed by us, has ended or was taken back.

    Asks Postgres for public copies alone: otherwise the signature is the grant.
    """
    path, _, query = uri.partition("?")
    if path.startswith(_PATH + PUBLIC_PREFIX):
        return _public_grant(path.removeprefix(_PATH), head)
    signed, _, signature = uri.rpartition("&signature=")
    if not signed or not path.startswith(_PATH) or not _is_ours(signed, signature):
        return None
    told = {name: values[0] for name, values in parse_qs(query).items()}
    until = datetime.fromtimestamp(int(told["until"]), UTC)
    seconds = int((until - clock.now()).total_seconds())
    if seconds <= 0:
        return None
    return Grant(
        origin_path=_origin(path.removeprefix(_PATH), head),
        content_type=told["type"],
        disposition=told["disposition"],
        cache_control=f"private, max-age={seconds}, immutable",
        repr_digest=_repr_digest(bytes.fromhex(told["digest"])),
        until=until,
    )


def _public_grant(key: str, head: bool) -> Grant | None:
    copy = Rendition.objects.filter(object_key=key, state=Rendition.State.READY).first()
    if copy is None or copy.sha256 is None:
        return None
    return Grant(
        origin_path=_origin(key, head),
        content_type=copy.content_type,
        disposition="inline",
        cache_control=f"public, max-age={_YEAR_SECONDS}, immutable",
        repr_digest=_repr_digest(bytes(copy.sha256)),
        until=clock.now() + _PUBLIC_REMEMBERED,
    )


def _origin(key: str, head: bool) -> str:
    """Path and query by which the bucket gives the object to the edge; never shown to a reader."""
    signed = urlsplit(object_store.presign_read(key, until=clock.now() + _ORIGIN_LIFETIME, head=head))
    return f"{signed.path}?{signed.query}"


def _edge_link(key: str, content_type: str, disposition: str, sha256: bytes, until: datetime) -> str:
    told = {
        "type": content_type,
        "disposition": disposition,
        "digest": sha256.hex(),
        "until": int(until.timestamp()),
    }
    signed = f"{_PATH}{key}?{urlencode(told)}"
    return f"{settings.CDN_BASE_URL}{signed}&signature={_signature(signed, settings.DELIVERY_SECRETS[0])}"


def _is_ours(signed: str, signature: str) -> bool:
    given = signature.encode()
    return any(hmac.compare_digest(_signature(signed, secret).encode(), given) for secret in settings.DELIVERY_SECRETS)


def _signature(signed: str, secret: str) -> str:
    digest = hmac.digest(f"delivery:{secret}".encode(), signed.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _cloudfront_link(key: str, content_type: str, disposition: str, until: datetime) -> str:
    """CloudFront asks its bucket for the object with these, so they must be among what it passes on."""
    told = {
        "response-content-type": content_type,
        "response-content-disposition": disposition,
        "response-cache-control": "private",
        "response-expires": http_date(until.timestamp()),
    }
    url: str = _cloudfront(settings.CLOUDFRONT_KEY_ID, settings.CLOUDFRONT_PRIVATE_KEY).generate_presigned_url(
        f"{settings.CDN_BASE_URL}/{key}?{urlencode(told)}", date_less_than=until
    )
    return url


@cache
def _cloudfront(key_id: str, pem: str) -> CloudFrontSigner:
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    # CloudFront takes no other hash.
    return CloudFrontSigner(key_id, lambda message: key.sign(message, PKCS1v15(), hashes.SHA1()))  # noqa: S303


def _repr_digest(sha256: bytes) -> str:
    """RFC 9530."""
    return f"sha-256=:{b64encode(sha256).decode()}:"
