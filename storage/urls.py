"""Where assets are, below /v1/."""

from django.urls import path

from storage import views

urlpatterns = [
    path("assets", views.Assets.as_view(), name="assets"),
    path("assets/<uuid:asset_id>", views.AssetDetail.as_view(), name="asset"),
    path("assets/<uuid:asset_id>/content", views.AssetContent.as_view(), name="asset-content"),
]
