"""Bytes, for support: what an asset is, whose, how large, and how it looks. Links are signed when a page is drawn."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.enums import ActionVariant

from accounts.models import Organization
from core.desk import cells
from core.desk.acts import act, actor_id, on_page
from core.desk.base import LATEST, DeskAdmin, Panel, ReadOnly, shown_on
from storage import assets, legal_holds, renditions
from storage.models import Asset, Blob, Collection, Rendition, Upload


@admin.register(Asset)
class AssetAdmin(ReadOnly, DeskAdmin):
    list_display = ("short_id", "kind", "condition", "owner", "uploader", "job", "pixels", "size", "made")
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        "legal_hold",
        "is_public",
        ("organization", AutocompleteSelectFilter),
    )
    list_select_related = ("organization", "user", "blob")
    search_fields = ("user__email",)
    search_ids = ("pk", "job_id", "organization_id", "user_id")
    search_help_text = "The id of an asset, a job, an organization or a user, or an address."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("preview", ("full_id", "condition"), ("kind", "filename"))}),
        ("Whose", {"fields": (("owner", "uploader"), ("job", "job_index"), ("operation", "model"))}),
        ("Noted", {"fields": (("tagged", "stars"), ("public", "held"))}),
        ("Bytes", {"fields": (("size", "pixels"), ("content_type", "stored_as"), "sha256")}),
        ("When", {"fields": (("created_at", "expires_at"), "deleted_at")}),
    )

    actions_detail = ("place_hold", "lift_hold")

    @admin.display(description="Preview")
    def preview(self, asset: Asset) -> str:
        """The largest thumbnail, or the picture itself while there is none; the browser scales it."""
        if asset.kind != Asset.Kind.IMAGE or asset.blob is None:
            return cells.NOTHING
        thumbnails = renditions.ready(asset.blob, renditions.thumbnails(asset.blob))
        return format_html(
            '<a href="{}" target="_blank" rel="noopener noreferrer"><img src="{}" alt="" loading="lazy" '
            'class="rounded-default border border-base-200 dark:border-base-700" '
            'style="max-height: 240px; max-width: 100%"></a>',
            assets.sign(asset).url,
            assets.sign(asset, thumbnails[-1] if thumbnails else None).url,
        )

    @admin.display(description="Asset")
    def short_id(self, asset: Asset) -> str:
        return cells.id_link("storage_asset", asset.pk)

    @admin.display(description="Id")
    def full_id(self, asset: Asset) -> str:
        return cells.copied(asset.pk)

    @admin.display(description="Status")
    def condition(self, asset: Asset) -> str:
        if asset.legal_hold:
            return cells.badge("hold")
        return cells.badge("deleted" if asset.deleted_at else asset.status)

    @admin.display(description="Organization")
    def owner(self, asset: Asset) -> str:
        return cells.row_link(asset.organization)

    @admin.display(description="User")
    def uploader(self, asset: Asset) -> str:
        return cells.row_link(asset.user)

    @admin.display(description="Job")
    def job(self, asset: Asset) -> str:
        return cells.id_link("generation_job", asset.job_id) if asset.job_id else "upload"

    @admin.display(description="Pixels")
    def pixels(self, asset: Asset) -> str:
        return _pixels(asset.blob)

    @admin.display(description="Size")
    def size(self, asset: Asset) -> str:
        return cells.size(asset.blob.size_bytes) if asset.blob else cells.NOTHING

    @admin.display(description="Type")
    def content_type(self, asset: Asset) -> str:
        return asset.blob.content_type if asset.blob else cells.NOTHING

    @admin.display(description="SHA-256")
    def sha256(self, asset: Asset) -> str:
        return cells.copied(asset.blob.sha256_hex) if asset.blob else cells.NOTHING

    @admin.display(description="Made")
    def made(self, asset: Asset) -> str:
        return cells.ago(asset.created_at)

    @admin.display(description="Blob")
    def stored_as(self, asset: Asset) -> str:
        return cells.id_link("storage_blob", asset.blob_id)

    @admin.display(description="Tags")
    def tagged(self, asset: Asset) -> str:
        return ", ".join(asset.tags) or cells.NOTHING

    @admin.display(description="Stars")
    def stars(self, asset: Asset) -> str:
        return cells.number(str(asset.favourite_of.count()))

    @admin.display(description="Public")
    def public(self, asset: Asset) -> str:
        return cells.badge("yes") if asset.is_public else "no"

    @admin.display(description="Legal hold")
    def held(self, asset: Asset) -> str:
        return cells.badge("hold") if asset.legal_hold else "no"

    def offers(self, act: str, row: Asset) -> bool:
        return row.deleted_at is None and row.legal_hold == (act == "lift_hold")

    @on_page(description="Put on legal hold", icon="gavel", variant=ActionVariant.DANGER)
    def place_hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(asset: Asset, given: Mapping[str, Any]) -> str:
            placed = legal_holds.place(asset.pk, actor_id=actor_id(request), reason=given["reason"])
            return f"{asset} is on legal hold." if placed else f"{asset} was on legal hold before."

        return act(
            self,
            request,
            Asset.objects.filter(pk=object_id),
            title="Put on legal hold?",
            warning="Nobody can delete it and its bytes are kept beyond its expiry, until the hold is lifted.",
            perform=perform,
            back=cells.change_url("storage_asset", object_id),
        )

    @on_page(description="Lift the legal hold", icon="lock_open")
    def lift_hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(asset: Asset, given: Mapping[str, Any]) -> str:
            lifted = legal_holds.lift(asset.pk, actor_id=actor_id(request), reason=given["reason"])
            return f"{asset} is on legal hold no longer." if lifted else f"{asset} was on no legal hold."

        return act(
            self,
            request,
            Asset.objects.filter(pk=object_id),
            title="Lift the legal hold?",
            warning="It can be deleted again; if it has expired, the sweep does so within a minute.",
            perform=perform,
            back=cells.change_url("storage_asset", object_id),
            is_harsh=False,
        )


@admin.register(Blob)
class BlobAdmin(ReadOnly, DeskAdmin):
    """Where bytes lie is nobody's business here: the object's key is as good as a link to some stores."""

    list_display = ("short_id", "condition", "owner", "content_type", "pixels", "size", "named", "made")
    list_filter = (("state", ChoicesDropdownFilter), ("organization", AutocompleteSelectFilter))
    list_select_related = ("organization",)
    search_fields = ("organization__memberships__user__email",)
    search_ids = ("pk", "organization_id")
    search_help_text = "The id of a blob or an organization, or a member's address."
    ordering = ("-id",)
    fields = (
        ("full_id", "condition"),
        ("owner", "named"),
        ("content_type", "pixels"),
        ("size", "created_at"),
        "hash",
    )

    @admin.display(description="Blob")
    def short_id(self, blob: Blob) -> str:
        return cells.id_link("storage_blob", blob.pk)

    @admin.display(description="Id")
    def full_id(self, blob: Blob) -> str:
        return cells.copied(blob.pk)

    @admin.display(description="State")
    def condition(self, blob: Blob) -> str:
        return cells.badge(blob.state)

    @admin.display(description="Organization")
    def owner(self, blob: Blob) -> str:
        return cells.row_link(blob.organization)

    @admin.display(description="Pixels")
    def pixels(self, blob: Blob) -> str:
        return _pixels(blob)

    @admin.display(description="Size")
    def size(self, blob: Blob) -> str:
        return cells.size(blob.size_bytes)

    @admin.display(description="SHA-256")
    def hash(self, blob: Blob) -> str:
        return cells.copied(blob.sha256_hex)

    @admin.display(description="Assets")
    def named(self, blob: Blob) -> str:
        return cells.number(str(blob.references))

    @admin.display(description="Made")
    def made(self, blob: Blob) -> str:
        return cells.ago(blob.created_at)


@admin.register(Rendition)
class RenditionAdmin(ReadOnly, DeskAdmin):
    """What was drawn of a blob's picture; as with blobs, where it lies is not told."""

    list_display = ("short_id", "variant", "condition", "drawn_from", "pixels", "size", "made")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_select_related = ("blob",)
    search_ids = ("pk", "blob_id")
    search_help_text = "The id of a rendition or of a blob."
    ordering = ("-id",)
    fields = (("full_id", "condition"), ("variant", "drawn_from"), ("content_type", "pixels"), ("size", "created_at"))

    @admin.display(description="Rendition")
    def short_id(self, rendition: Rendition) -> str:
        return cells.id_link("storage_rendition", rendition.pk)

    @admin.display(description="Id")
    def full_id(self, rendition: Rendition) -> str:
        return cells.copied(rendition.pk)

    @admin.display(description="State")
    def condition(self, rendition: Rendition) -> str:
        return cells.badge(rendition.state)

    @admin.display(description="Blob")
    def drawn_from(self, rendition: Rendition) -> str:
        return cells.id_link("storage_blob", rendition.blob_id)

    @admin.display(description="Pixels")
    def pixels(self, rendition: Rendition) -> str:
        return _pixels(rendition)

    @admin.display(description="Size")
    def size(self, rendition: Rendition) -> str:
        return cells.size(rendition.size_bytes)

    @admin.display(description="Made")
    def made(self, rendition: Rendition) -> str:
        return cells.ago(rendition.created_at)


@admin.register(Upload)
class UploadAdmin(ReadOnly, DeskAdmin):
    """Bytes promised by presigned addresses: which came, which were rejected and why."""

    list_display = ("short_id", "condition", "fault", "kind", "owner", "uploader", "size", "leads_to", "made")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("organization", AutocompleteSelectFilter),
    )
    list_select_related = ("organization", "user")
    search_fields = ("user__email",)
    search_ids = ("pk", "asset_id", "organization_id", "user_id")
    search_help_text = "The id of an upload, an asset, an organization or a user, or an address."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("full_id", "condition"), ("kind", "filename"), ("fault", "leads_to"))}),
        ("Whose", {"fields": (("owner", "uploader"),)}),
        ("Promised", {"fields": (("content_type", "size"), ("hash", "parts"))}),
        ("When", {"fields": (("created_at", "expires_at"),)}),
    )

    @admin.display(description="Upload")
    def short_id(self, upload: Upload) -> str:
        return cells.id_link("storage_upload", upload.pk)

    @admin.display(description="Id")
    def full_id(self, upload: Upload) -> str:
        return cells.copied(upload.pk)

    @admin.display(description="State")
    def condition(self, upload: Upload) -> str:
        return cells.badge(upload.state)

    @admin.display(description="Organization")
    def owner(self, upload: Upload) -> str:
        return cells.row_link(upload.organization)

    @admin.display(description="User")
    def uploader(self, upload: Upload) -> str:
        return cells.row_link(upload.user)

    @admin.display(description="Size")
    def size(self, upload: Upload) -> str:
        return cells.size(upload.size_bytes)

    @admin.display(description="SHA-256")
    def hash(self, upload: Upload) -> str:
        return cells.copied(bytes(upload.sha256).hex()) if upload.sha256 else cells.NOTHING

    @admin.display(description="Parts of")
    def parts(self, upload: Upload) -> str:
        return cells.size(upload.part_bytes) if upload.part_bytes else "one PUT"

    @admin.display(description="Asset")
    def leads_to(self, upload: Upload) -> str:
        return cells.id_link("storage_asset", upload.asset_id) if upload.asset_id else cells.NOTHING

    @admin.display(description="Made")
    def made(self, upload: Upload) -> str:
        return cells.ago(upload.created_at)


@admin.register(Collection)
class CollectionAdmin(ReadOnly, DeskAdmin):
    """How customers group their assets."""

    list_display = ("short_id", "title", "owner", "maker", "made")
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization", "user")
    search_fields = ("title",)
    search_ids = ("pk", "organization_id")
    search_help_text = "A title, or the id of a collection or an organization."
    ordering = ("-id",)
    fields = (("full_id", "title"), ("owner", "maker"), ("holds", "created_at"))

    @admin.display(description="Collection")
    def short_id(self, collection: Collection) -> str:
        return cells.id_link("storage_collection", collection.pk)

    @admin.display(description="Id")
    def full_id(self, collection: Collection) -> str:
        return cells.copied(collection.pk)

    @admin.display(description="Organization")
    def owner(self, collection: Collection) -> str:
        return cells.row_link(collection.organization)

    @admin.display(description="User")
    def maker(self, collection: Collection) -> str:
        return cells.row_link(collection.user)

    @admin.display(description="Assets")
    def holds(self, collection: Collection) -> str:
        return cells.number(str(collection.entries.count()))

    @admin.display(description="Made")
    def made(self, collection: Collection) -> str:
        return cells.ago(collection.created_at)


@shown_on(Organization, permission="storage.view_asset")
def assets_panel(organization: Organization) -> Panel:
    latest = organization.assets.filter(deleted_at=None).select_related("blob", "user").order_by("-id")[:LATEST]
    return Panel(
        title="Assets",
        headers=("Asset", "Kind", "Status", "By", "Size", "Made"),
        rows=[
            (
                cells.id_link("storage_asset", asset.pk),
                asset.kind,
                cells.badge(asset.status),
                cells.row_link(asset.user),
                cells.size(asset.blob.size_bytes if asset.blob else None),
                cells.ago(asset.created_at),
            )
            for asset in latest
        ],
        links=[("All", cells.list_url("storage_asset", organization__id__exact=organization.pk))],
    )


def _pixels(stored: Blob | Rendition | None) -> str:
    return f"{stored.width} × {stored.height}" if stored and stored.width else cells.NOTHING
