"""Assets over HTTP: upload, list, read, delete, and the way to the bytes. Answers with links are for their reader."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import acting
from core import idempotency
from core.exceptions import NotFound
from core.schemas import schema_of
from storage import assets, uploads
from storage.models import Asset
from storage.serializers import AssetJSON, AssetListJSON, asset_json
from storage.streaming import body_chunks

_ASSET = schema_of(AssetJSON)
# Links are as good as the bytes: no cache may give one reader's to another.
FOR_ITS_READER = {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie, X-Session-Token"}
_SOURCES = {"job": "made by a job", "upload": "uploaded"}
_FILE = {"type": "string", "format": "binary"}


class AssetFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no annotations
    """`?kind=image&source=job`: what the library is narrowed to."""

    kind = filters.ChoiceFilter(choices=Asset.Kind.choices)
    source = filters.ChoiceFilter(choices=list(_SOURCES.items()), method="filter_source")

    def filter_source(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        return queryset.filter(job_id__isnull=value == "upload")


class Untouched(BaseParser):
    """Leaves the body where it is: the view streams it."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return {}


class Assets(GenericAPIView[Asset]):
    scope = "assets"
    parser_classes = [Untouched]
    filterset_class = AssetFilter

    def get_queryset(self) -> QuerySet[Asset]:
        readable = Asset.objects.for_organization(acting(self.request).organization_id).readable()
        return readable.select_related("blob", "upload")

    @extend_schema(
        operation_id="listAssets",
        tags=["assets"],
        responses={200: schema_of(AssetListJSON)},
        parameters=[
            OpenApiParameter("kind", enum=Asset.Kind.values),
            OpenApiParameter("source", enum=list(_SOURCES)),
            OpenApiParameter("limit", int),
            OpenApiParameter("cursor"),
        ],
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or ()
        response = self.get_paginated_response([asset_json(asset) for asset in page])
        for name, value in FOR_ITS_READER.items():
            response[name] = value
        return response

    @extend_schema(
        operation_id="uploadAsset",
        tags=["assets"],
        description=(
            "One picture, recording, JSON document or text, streamed: a form with a part named `file`, or the bytes as "
            "they are. What it is, is found out from its bytes alone."
        ),
        request={
            uploads.FORM_TYPE: {"type": "object", "required": ["file"], "properties": {"file": _FILE}},
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
        with uploads.receive_body(
            principal.organization_id,
            body_chunks(request._request),
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
        asset = assets.show(acting(request).organization_id, asset_id)
        if asset is None:
            raise NotFound
        return Response(asset_json(asset), headers=FOR_ITS_READER)

    @extend_schema(operation_id="deleteAsset", tags=["assets"], responses={204: None})
    def delete(self, request: Request, asset_id: UUID) -> Response:
        if not assets.delete(acting(request).organization_id, asset_id):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class AssetContent(APIView):
    scope = "assets"

    @extend_schema(
        operation_id="getAssetContent",
        tags=["assets"],
        description="The permanent address of the bytes: leads to a signed link of this minute.",
        responses={302: OpenApiResponse(description="The way to the bytes.")},
    )
    def get(self, request: Request, asset_id: UUID) -> HttpResponse:
        link = assets.sign(_found(request, asset_id))
        return HttpResponse(status=status.HTTP_302_FOUND, headers=FOR_ITS_READER | {"Location": link.url})


def _found(request: Request, asset_id: UUID) -> Asset:
    asset = assets.find(acting(request).organization_id, asset_id)
    if asset is None:
        raise NotFound
    return asset
