"""Assets over HTTP: upload, list, read, delete, and the way to the bytes. Answers with links are for their reader."""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import ValidationError
from rest_framework import status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import acting
from core import idempotency
from core.exceptions import BodyTooLarge, NotFound
from core.pagination import Pages
from core.parsers import decode
from core.problems import field_errors
from core.schemas import schema_of
from storage import assets, filters, library, publishing, renditions, uploads
from storage.bodies import BulkInput, OutcomeJSON, outcome_json
from storage.exceptions import InvalidChange, InvalidSource, NoPicture
from storage.models import Asset, Rendition
from storage.search import Search, newest
from storage.serializers import AssetChange, AssetJSON, AssetListJSON, AssetSource, asset_json
from storage.streaming import body_chunks

_ASSET = schema_of(AssetJSON)
# Links are as good as the bytes: no cache may give one reader's to another.
FOR_ITS_READER = {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie, X-Session-Token"}
_FILE = {"type": "string", "format": "binary"}


class LibraryPages(Pages):
    """Pages that are read as storage.search does."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def read[M: Model](self, rows: QuerySet[M], before: Any, count: int) -> list[M]:
        return cast("list[M]", newest(self._search, before=before, count=count))


class Untouched(BaseParser):
    """Leaves the body where it is: the view streams it."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return {}


class Assets(APIView):
    scope = "assets"
    parser_classes = [Untouched]

    @extend_schema(
        operation_id="listAssets",
        tags=["assets"],
        responses={200: schema_of(AssetListJSON)},
        parameters=[*filters.PARAMETERS, OpenApiParameter("limit", int), OpenApiParameter("cursor")],
    )
    def get(self, request: Request) -> Response:
        principal = acting(request)
        rows = Asset.objects.readable().seen_by(principal.user_id).with_bytes()
        search = filters.asked(principal, request.query_params, rows)
        pages = LibraryPages(search)
        page = pages.paginate_queryset(search.rows, request, self)
        response = pages.get_paginated_response([asset_json(asset) for asset in page])
        for name, value in FOR_ITS_READER.items():
            response[name] = value
        return response

    @extend_schema(
        operation_id="uploadAsset",
        tags=["assets"],
        description=(
            "One picture, recording, JSON document or text, streamed: a form with a part named `file`, or the bytes as "
            "they are; or as JSON the address of a public https server to bring it from. What it is, is found out "
            "from its bytes alone."
        ),
        request={
            uploads.FORM_TYPE: {"type": "object", "required": ["file"], "properties": {"file": _FILE}},
            "application/json": AssetSource.model_json_schema(),
            "image/*": _FILE,
            "audio/*": _FILE,
            "text/plain": _FILE,
            "application/octet-stream": _FILE,
        },
        responses={201: _ASSET},
        parameters=[OpenApiParameter(idempotency.HEADER, location=OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        key = idempotency.read_key(request)
        length = request.META.get("CONTENT_LENGTH", "")
        principal = acting(request)
        chunks = body_chunks(request._request)
        if request.content_type.partition(";")[0].strip().lower() == "application/json":
            asset, is_replay = uploads.keep_from(principal, _source_in(chunks).from_url, key=key)
        else:
            with uploads.receive_body(
                principal.organization_id,
                chunks,
                content_type=request.content_type,
                declared_bytes=int(length) if length.isdigit() else None,
            ) as received:
                asset, is_replay = uploads.keep(principal, received, key=key)
        headers = FOR_ITS_READER | {"Location": f"/v1/assets/{asset.pk}"}
        if is_replay:
            headers[idempotency.REPLAYED_HEADER] = "true"
        return Response(asset_json(asset), status=status.HTTP_201_CREATED, headers=headers)


class AssetDetail(APIView):
    scope = "assets"

    @extend_schema(operation_id="getAsset", tags=["assets"], responses={200: _ASSET})
    def get(self, request: Request, asset_id: UUID) -> Response:
        asset = assets.show(acting(request), asset_id)
        if asset is None:
            raise NotFound
        return Response(asset_json(asset), headers=FOR_ITS_READER)

    @extend_schema(operation_id="changeAsset", tags=["assets"], request=AssetChange, responses={200: _ASSET})
    def patch(self, request: Request, asset_id: UUID) -> Response:
        change, asset = _change(request), _found(request, asset_id)
        notes = change.model_dump(exclude_unset=True, exclude={"public"})
        # First what may be refused, so that a refusal changes nothing.
        if "public" in change.model_fields_set:
            (publishing.publish if change.public else publishing.unpublish)(asset)
        if notes and not library.note(acting(request), asset_id, notes):
            raise NotFound
        return self.get(request, asset_id)

    @extend_schema(operation_id="deleteAsset", tags=["assets"], responses={204: None})
    def delete(self, request: Request, asset_id: UUID) -> Response:
        if not assets.delete(acting(request).organization_id, asset_id):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class BulkActions(APIView):
    scope = "assets"

    @extend_schema(
        operation_id="changeAssets",
        tags=["assets"],
        description="One thing done to up to 1,000 assets, all at once; what it cannot be done to is told.",
        request=BulkInput,
        responses={200: schema_of(OutcomeJSON)},
    )
    def post(self, request: Request) -> Response:
        body = BulkInput(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        outcome = library.act(
            acting(request),
            asked["action"],
            asked["assetIds"],
            tags=asked.get("tags", ()),
            collection_id=asked.get("collectionId"),
        )
        return Response(outcome_json(outcome))


class AssetContent(APIView):
    scope = "assets"

    @extend_schema(
        operation_id="getAssetContent",
        tags=["assets"],
        description=(
            "The permanent address of the bytes: leads to a signed link of this minute. With a width the link is to "
            "a picture at most so wide, or to the original until that has been drawn."
        ),
        parameters=[
            OpenApiParameter("w", int, enum=renditions.WIDTHS),
            OpenApiParameter("format", enum=renditions.FORMATS, description=f"{renditions.FORMATS[0]} if only w is."),
        ],
        responses={302: OpenApiResponse(description="The way to the bytes.")},
    )
    def get(self, request: Request, asset_id: UUID) -> HttpResponse:
        asset = _found(request, asset_id)
        link = assets.sign(asset, _wanted_rendition(request, asset))
        return HttpResponse(status=status.HTTP_302_FOUND, headers=FOR_ITS_READER | {"Location": link.url})


def _found(request: Request, asset_id: UUID) -> Asset:
    asset = assets.find(acting(request).organization_id, asset_id)
    if asset is None:
        raise NotFound
    return asset


def _source_in(chunks: Iterable[bytes]) -> AssetSource:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > settings.JSON_MAX_BYTES:
            raise BodyTooLarge(max_bytes=settings.JSON_MAX_BYTES)
    try:
        return AssetSource.model_validate(decode(bytes(body)))
    except ValidationError as error:
        raise InvalidSource(errors=field_errors(error)) from None


def _change(request: Request) -> AssetChange:
    try:
        return AssetChange.model_validate(request.data)
    except ValidationError as error:
        raise InvalidChange(errors=field_errors(error)) from None


def _wanted_rendition(request: Request, asset: Asset) -> Rendition | None:
    """None for the original, which is also shown where the rendition is not to be had yet."""
    width, format = (request.query_params.get(name) for name in ("w", "format"))
    if width is None and format is None:
        return None
    if asset.kind != Asset.Kind.IMAGE or asset.blob is None:
        raise NoPicture
    return renditions.find(asset.blob, width=width or "", format=format or renditions.FORMATS[0])
