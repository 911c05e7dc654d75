"""Where assets are, below /v1/."""

from django.urls import path

from storage.views import assets

urlpatterns = [
    path("assets", assets.Assets.as_view(), name="assets"),
    path("assets/<uuid:asset_id>", assets.AssetDetail.as_view(), name="asset"),
    path("assets/<uuid:asset_id>/content", assets.AssetContent.as_view(), name="asset-content"),
]
