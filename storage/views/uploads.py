"""Uploads by presigned address: promise, look or go on, complete. The bytes themselves never pass through here."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import acting
from core import idempotency
from core.exceptions import NotFound
from core.schemas import schema_of
from storage import uploads
from storage.forms import plain_name
from storage.models import Asset
from storage.serializers import AssetJSON, UploadInput, UploadJSON, asset_json, upload_json
from storage.views.assets import FOR_ITS_READER

_UPLOAD = schema_of(UploadJSON)


class Uploads(APIView):
    scope = "assets"

    @extend_schema(
        operation_id="createUpload",
        tags=["assets"],
        description="Where to put the bytes of a new asset: one PUT, or parts above 64 MiB. Send exactly the headers "
        "that are named, then complete it.",
        request=UploadInput,
        responses={201: _UPLOAD},
        parameters=[OpenApiParameter(idempotency.HEADER, location=OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        body = UploadInput(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        upload, is_replay = uploads.promise(
            acting(request),
            filename=plain_name(asked["filename"]),
            content_type=asked["contentType"],
            size_bytes=asked["size"],
            sha256=bytes.fromhex(asked["sha256"]) if "sha256" in asked else None,
            body_sha256=idempotency.body_sha256(repr(sorted(asked.items())).encode()),
            key=idempotency.read_key(request),
        )
        headers = FOR_ITS_READER | {"Location": f"/v1/uploads/{upload.pk}"}
        if is_replay:
            headers[idempotency.REPLAYED_HEADER] = "true"
        return Response(upload_json(upload), status=status.HTTP_201_CREATED, headers=headers)


class UploadDetail(APIView):
    scope = "assets"

    @extend_schema(
        operation_id="getUpload",
        tags=["assets"],
        description="Where an upload stands, with new addresses for what has not arrived: how a broken one goes on.",
        responses={200: _UPLOAD},
    )
    def get(self, request: Request, upload_id: UUID) -> Response:
        upload = uploads.find(acting(request).organization_id, upload_id)
        if upload is None:
            raise NotFound
        return Response(upload_json(upload), headers=FOR_ITS_READER)


class UploadCompletion(APIView):
    scope = "assets"

    @extend_schema(
        operation_id="completeUpload",
        tags=["assets"],
        description="All bytes are there. The asset is ready or rejected at once if they are few; else ask again.",
        request=None,
        responses={
            200: schema_of(AssetJSON),
            202: OpenApiResponse(schema_of(AssetJSON), description="Pending: the bytes are being looked at."),
        },
    )
    def post(self, request: Request, upload_id: UUID) -> Response:
        organization_id = acting(request).organization_id
        if uploads.find(organization_id, upload_id) is None:
            raise NotFound
        asset = uploads.complete(organization_id, upload_id)
        is_pending = asset.status == Asset.Status.PENDING
        return Response(
            asset_json(asset),
            status=status.HTTP_202_ACCEPTED if is_pending else status.HTTP_200_OK,
            headers=FOR_ITS_READER | {"Location": f"/v1/assets/{asset.pk}"},
        )
