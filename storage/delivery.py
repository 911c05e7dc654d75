"""How bytes are handed out: a link to one object, made by the signer that DELIVERY_SIGNER names.

- "edge": our own. The link carries all that its reader is told (type, name, size, hash) and its end, under an HMAC;
  whatever stands before the bucket asks `opened` (storage/views/edge.py) and needs no key.
- "s3": presigned at the store, and sent through CDN_BASE_URL where that is a plain pass-through.
- "cloudfront": signed for CloudFront with an RSA key; ops/cdn/README.md says how the distribution is set up.

The link is the grant; what lies below public/ is everybody's while its row says so. What a browser could run is never
shown as a document: it is a download, whatever its sender called it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from urllib.parse import parse_qs, quote, urlencode

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db.models import F
from django.utils.http import content_disposition_header, http_date

from core import clock
from storage import object_store
from storage.exceptions import LinkRefused
from storage.models import Asset, Rendition

EDGE_PATH = "/o/"
PUBLIC_PATH = "/o/public/"
# What a browser shows by itself. Anything else is only ever downloaded.
SHOWN_TYPES = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"}
    | {"audio/wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/mp4"}
)
# Downloads that keep their type. A page may embed the picture, which by itself would be a document with scripts.
_NAMED_TYPES = frozenset({"application/json", "text/plain", "image/svg+xml"})
_DOWNLOAD_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a good link opens, and what its reader is told. A public object may have no end."""

    key: str
    content_type: str
    disposition: str
    sha256: bytes
    size_bytes: int
    until: datetime | None
    is_public: bool = False


def link(
    key: str,
    *,
    content_type: str,
    filename: str,
    sha256: bytes,
    size_bytes: int,
    until: datetime,
) -> str:
    """Where to read an object until then; what its reader is told is fixed in the signature."""
    promised = Grant(
        key=key,
        content_type=told_type(content_type),
        disposition=told_disposition(content_type, filename),
        size_bytes=size_bytes,
        sha256=sha256,
        until=until,
    )
    return _SIGNERS[settings.DELIVERY_SIGNER](promised, filename)


def public_link(key: str) -> str:
    """The lasting address of an object below public/."""
    return f"{settings.CDN_BASE_URL}{EDGE_PATH if settings.DELIVERY_SIGNER == 'edge' else '/'}{key}"


def opened(uri: str) -> Grant:
    """What the path and query of an edge link, exactly as its reader sent them, open.

    Raises LinkRefused, of a public object also when it was taken back or has expired: Postgres is asked about those
    alone.
    """
    path, _, _ = uri.partition("?")
    if path.startswith(PUBLIC_PATH):
        return _opened_to_all(path.removeprefix(EDGE_PATH))
    try:
        path, _, query = _signer().unsign(uri).partition("?")
    except BadSignature:
        raise LinkRefused from None
    # What is signed is ours: it needs no further doubt.
    told = {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}
    until = datetime.fromtimestamp(int(told["until"]), UTC)
    if clock.now() >= until:
        raise LinkRefused
    return Grant(
        key=path.removeprefix(EDGE_PATH),
        content_type=told_type(told["type"]),
        disposition=told_disposition(told["type"], told["name"]),
        sha256=bytes.fromhex(told["digest"]),
        size_bytes=int(told["size"]),
        until=until,
    )


def told_type(content_type: str) -> str:
    """The type a browser is told: what is neither shown nor embedded is bytes without a meaning."""
    essence = _essence(content_type)
    return content_type if essence in SHOWN_TYPES | _NAMED_TYPES else _DOWNLOAD_TYPE


def told_disposition(content_type: str, filename: str) -> str:
    """Content-Disposition: shown in the browser, or saved under this name."""
    disposition = content_disposition_header(_essence(content_type) not in SHOWN_TYPES, filename)
    return disposition or "inline"


def cloudfront_key() -> RSAPrivateKey:
    """The key of CLOUDFRONT_PRIVATE_KEY. Raises ValueError where that holds none."""
    return _cloudfront_key(settings.CLOUDFRONT_PRIVATE_KEY)


def _opened_to_all(key: str) -> Grant:
    copy = Rendition.objects.filter(object_key=key, state=Rendition.State.READY).first()
    if copy is None or copy.sha256 is None or copy.size_bytes is None:
        raise LinkRefused
    shown = Asset.objects.readable().filter(blob_id=copy.blob_id, is_public=True)
    # The one that shows it longest, for ever before any other; none where all have expired and await the sweep.
    ends = list(shown.order_by(F("expires_at").desc(nulls_first=True)).values_list("expires_at", flat=True)[:1])
    if not ends:
        raise LinkRefused
    return Grant(
        key=key,
        content_type=told_type(copy.content_type),
        disposition="inline" if _essence(copy.content_type) in SHOWN_TYPES else "attachment",
        sha256=bytes(copy.sha256),
        size_bytes=copy.size_bytes,
        until=ends[0],
        is_public=True,
    )


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _by_edge(promised: Grant, filename: str) -> str:
    path = EDGE_PATH + promised.key
    assert promised.until
    told = {
        "type": promised.content_type,
        "name": filename,
        "size": promised.size_bytes,
        "digest": promised.sha256.hex(),
        # Rounded down: a link may end early by a fraction of a second, and never late.
        "until": int(promised.until.timestamp()),
    }
    return settings.CDN_BASE_URL + _signer().sign(f"{path}?{urlencode(told, quote_via=quote, safe='')}")


def _by_store(promised: Grant, filename: str) -> str:
    assert promised.until
    return object_store.presign_get(
        promised.key, until=promised.until, content_type=promised.content_type, disposition=promised.disposition
    )


def _by_cloudfront(promised: Grant, filename: str) -> str:
    url = f"{settings.CDN_BASE_URL}/{promised.key}"
    assert promised.until
    # CloudFront hands these on to the bucket, which answers with them; they are part of what is signed.
    told = {
        "response-cache-control": "private",
        "response-content-disposition": promised.disposition,
        "response-content-type": promised.content_type,
        "response-expires": http_date(promised.until.timestamp()),
    }
    key = cloudfront_key()
    # CloudFront knows no other: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide (read 2025-11).
    sign = partial(key.sign, padding=PKCS1v15(), algorithm=hashes.SHA1())  # noqa: S303
    signer = CloudFrontSigner(settings.CLOUDFRONT_KEY_ID, sign)
    signed: str = signer.generate_presigned_url(
        f"{url}?{urlencode(told, quote_via=quote, safe='')}", date_less_than=promised.until
    )
    return signed


def _signer() -> Signer:
    """Django's: constant in time, and with every key derived for this purpose alone. The first signs, all verify."""
    secrets: list[bytes | str] = [*settings.DELIVERY_SECRETS]
    return Signer(key=secrets[0], fallback_keys=secrets[1:], sep="&signature=", salt="storage.delivery")


@cache
def _cloudfront_key(pem: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("CLOUDFRONT_PRIVATE_KEY is no RSA key")  # noqa: TRY004  # as the library says of any other
    return key


_SIGNERS: dict[str, Callable[[Grant, str], str]] = {
    "edge": _by_edge,
    "s3": _by_store,
    "cloudfront": _by_cloudfront,
}
SIGNERS = frozenset(_SIGNERS)
