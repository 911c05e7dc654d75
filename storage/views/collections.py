"""Collections over HTTP."""

from collections.abc import Iterable
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import acting
from core import idempotency
from core.exceptions import NotFound
from core.pagination import Pages
from core.schemas import schema_of
from storage import collections, filters, library
from storage.bodies import (
    AssetIdsInput,
    CollectionInput,
    CollectionJSON,
    CollectionListJSON,
    OutcomeJSON,
    collection_json,
    outcome_json,
)
from storage.library import Action
from storage.models import Collection
from storage.once import once
from storage.views.assets import FOR_ITS_READER

_COLLECTION = schema_of(CollectionJSON)
_OUTCOME = schema_of(OutcomeJSON)


class Collections(APIView):
    scope = "assets"

    @extend_schema(
        operation_id="listCollections",
        tags=["collections"],
        responses={200: schema_of(CollectionListJSON)},
        parameters=[
            OpenApiParameter("asset", UUID, description="This asset is in it."),
            OpenApiParameter("limit", int),
            OpenApiParameter("cursor"),
        ],
    )
    def get(self, request: Request) -> Response:
        pages = Pages()
        found = filters.narrowed(request.query_params, collections.of(acting(request).organization_id))
        rows = pages.paginate_queryset(found, request, self)
        response = pages.get_paginated_response(_shown(request, rows))
        for name, value in FOR_ITS_READER.items():
            response[name] = value
        return response

    @extend_schema(
        operation_id="createCollection",
        tags=["collections"],
        request=CollectionInput,
        responses={201: _COLLECTION},
        parameters=[OpenApiParameter(idempotency.HEADER, location=OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        principal, title = acting(request), _title(request)
        made = once(request, "collections", lambda: collections.create(principal, title).pk)
        collection = collections.find(principal.organization_id, made.resource_id)
        headers = FOR_ITS_READER | made.headers | {"Location": f"/v1/collections/{collection.pk}"}
        return Response(_shown(request, [collection])[0], status=status.HTTP_201_CREATED, headers=headers)


class CollectionDetail(APIView):
    scope = "assets"

    @extend_schema(operation_id="getCollection", tags=["collections"], responses={200: _COLLECTION})
    def get(self, request: Request, collection_id: UUID) -> Response:
        return Response(_shown(request, [_found(request, collection_id)])[0], headers=FOR_ITS_READER)

    @extend_schema(
        operation_id="updateCollection", tags=["collections"], request=CollectionInput, responses={200: _COLLECTION}
    )
    def patch(self, request: Request, collection_id: UUID) -> Response:
        collection = collections.rename(_found(request, collection_id), _title(request))
        return Response(_shown(request, [collection])[0], headers=FOR_ITS_READER)

    @extend_schema(
        operation_id="deleteCollection",
        tags=["collections"],
        description="Its assets stay.",
        responses={204: None},
    )
    def delete(self, request: Request, collection_id: UUID) -> Response:
        if not collections.delete(acting(request).organization_id, collection_id):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class CollectionAssets(APIView):
    scope = "assets"

    @extend_schema(
        operation_id="addToCollection", tags=["collections"], request=AssetIdsInput, responses={200: _OUTCOME}
    )
    def post(self, request: Request, collection_id: UUID) -> Response:
        return self._put(request, collection_id, "collect")

    @extend_schema(
        operation_id="removeFromCollection", tags=["collections"], request=AssetIdsInput, responses={200: _OUTCOME}
    )
    def delete(self, request: Request, collection_id: UUID) -> Response:
        return self._put(request, collection_id, "uncollect")

    def _put(self, request: Request, collection_id: UUID, action: Action) -> Response:
        _found(request, collection_id)
        body = AssetIdsInput(data=request.data)
        body.is_valid(raise_exception=True)
        outcome = library.act(acting(request), action, body.validated_data["assetIds"], collection_id=collection_id)
        return Response(outcome_json(outcome))


def _title(request: Request) -> str:
    body = CollectionInput(data=request.data)
    body.is_valid(raise_exception=True)
    title: str = body.validated_data["title"]
    return title


def _found(request: Request, collection_id: UUID) -> Collection:
    return collections.find(acting(request).organization_id, collection_id)


def _shown(request: Request, rows: Iterable[Collection]) -> list[CollectionJSON]:
    return [collection_json(shelf) for shelf in collections.shelves(rows, seen_by=acting(request).user_id)]
