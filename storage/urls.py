"""Where assets are, below /v1/."""

from django.urls import path

from storage.views import archives, assets, collections, uploads

urlpatterns = [
    path("assets", assets.Assets.as_view(), name="assets"),
    path("assets/bulk", assets.BulkActions.as_view(), name="assets-bulk"),
    path("assets/<uuid:asset_id>", assets.AssetDetail.as_view(), name="asset"),
    path("assets/<uuid:asset_id>/content", assets.AssetContent.as_view(), name="asset-content"),
    path("collections", collections.Collections.as_view(), name="collections"),
    path("collections/<uuid:collection_id>", collections.CollectionDetail.as_view(), name="collection"),
    path("collections/<uuid:collection_id>/assets", collections.CollectionAssets.as_view(), name="collection-assets"),
    path("archives", archives.Archives.as_view(), name="archives"),
    path("archives/<str:token>", archives.ArchiveContent.as_view(), name="archive"),
    path("uploads", uploads.Uploads.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", uploads.UploadDetail.as_view(), name="upload"),
    path("uploads/<uuid:upload_id>/complete", uploads.UploadCompletion.as_view(), name="upload-complete"),
]
