"""Where assets are, below /v1/."""

from django.urls import path

from storage.views import assets, uploads

urlpatterns = [
    path("assets", assets.Assets.as_view(), name="assets"),
    path("assets/<uuid:asset_id>", assets.AssetDetail.as_view(), name="asset"),
    path("assets/<uuid:asset_id>/content", assets.AssetContent.as_view(), name="asset-content"),
    path("uploads", uploads.Uploads.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", uploads.UploadDetail.as_view(), name="upload"),
    path("uploads/<uuid:upload_id>/complete", uploads.UploadCompletion.as_view(), name="upload-complete"),
]
