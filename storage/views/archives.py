"""Zips over HTTP: asked for with credentials, read by whoever has the link."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from uuid import UUID

import structlog
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import acting
from core import idempotency
from core.schemas import schema_of
from storage import archives, collections, filters, search
from storage.bodies import ArchiveInput, ArchiveJSON, archive_json
from storage.exceptions import CollectionNotFound, StoreUnavailable
from storage.models import Asset
from storage.object_store import ObjectMissing
from storage.once import once
from storage.views.assets import FOR_ITS_READER

# The bucket is read here: where it is slow, nothing else of the process waits for a thread.
_READERS = ThreadPoolExecutor(8, thread_name_prefix="archive")

log = structlog.get_logger(__name__)


class Archives(APIView):
    # It changes nothing: who may read assets may read many.
    scope = "assets:read"

    @extend_schema(
        operation_id="createArchive",
        tags=["assets"],
        description="A link to a zip of up to 1,000 assets, for some minutes. The zip is made while it is read.",
        request=ArchiveInput,
        responses={201: schema_of(ArchiveJSON)},
        parameters=[OpenApiParameter(idempotency.HEADER, location=OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        body = ArchiveInput(data=request.data)
        body.is_valid(raise_exception=True)
        principal = acting(request)
        made = once(
            request, "archives", lambda: archives.create(principal, _asset_ids(request, body.validated_data)).pk
        )
        archive = archives.find(principal.organization_id, made.resource_id)
        answer = archive_json(archive, archives.link(archive))
        return Response(answer, status=status.HTTP_201_CREATED, headers=FOR_ITS_READER | made.headers)


class ArchiveContent(APIView):
    # The link is all that is asked for, as with the links to assets.
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(
        operation_id="getArchive",
        tags=["assets"],
        description="The zip. It ends early where the bucket fails: less came then than `Content-Length` says.",
        auth=[],
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, description="The zip.")},
    )
    def get(self, request: Request, token: str) -> StreamingHttpResponse:
        zipped = archives.open_zip(token)
        # Who asks for the head alone brings nothing from the bucket: the server would read what it then throws away.
        chunks = _reported(iter(()) if request.method == "HEAD" else zipped.chunks)
        is_async = isinstance(request._request, ASGIRequest)
        if is_async:
            # Who reads slowly holds neither a thread nor a connection to Postgres.
            connection.close()
        response = StreamingHttpResponse(_off_the_loop(chunks) if is_async else chunks, content_type="application/zip")
        for name, value in {
            "Content-Length": str(zipped.size_bytes),
            "Content-Disposition": f'attachment; filename="{zipped.name}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
            # A proxy that gathers answers would gather gigabytes.
            "X-Accel-Buffering": "no",
        }.items():
            response[name] = value
        return response


def _asset_ids(request: Request, named: dict[str, object]) -> Sequence[UUID]:
    """The assets a body names, one more than an archive holds at most where there are so many."""
    match named:
        case {"assetIds": list(asset_ids)}:
            return asset_ids
        case {"collectionId": UUID() as collection_id}:
            if not collections.of(acting(request).organization_id).filter(pk=collection_id).exists():
                raise CollectionNotFound
            parameters = {"collection": [str(collection_id)]}
        case {"filter": dict(parameters)}:
            pass
    found = filters.asked(acting(request), filters.from_json(parameters), Asset.objects.readable().only("pk"))
    return [asset.pk for asset in search.newest(found, count=archives.MOST_ASSETS + 1)]


def _reported(chunks: Iterator[bytes]) -> Generator[bytes]:
    try:
        yield from chunks
    except (StoreUnavailable, ObjectMissing):
        log.warning("archive.broken_off", exc_info=True)
        raise


async def _off_the_loop(chunks: Generator[bytes]) -> AsyncIterator[bytes]:
    """The same, each chunk fetched on a thread when the one before it was taken."""
    loop, reading = asyncio.get_running_loop(), Lock()

    def step() -> bytes | None:
        with reading:
            return next(chunks, None)

    def close() -> None:
        # After a step that is still under way: a reader who leaves does not wait for it.
        with reading:
            chunks.close()

    try:
        while (chunk := await loop.run_in_executor(_READERS, step)) is not None:
            yield chunk
    finally:
        loop.run_in_executor(_READERS, close)
