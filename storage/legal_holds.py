"""Legal holds: staff keep an asset's bytes from being deleted, whoever asks and whatever its expiry says."""

from uuid import UUID

from django.db import transaction

from accounts import audit
from storage.exceptions import AssetNotFound
from storage.models import Asset


def place(asset_id: UUID, *, actor_id: UUID, reason: str) -> bool:
    """Put an asset on legal hold; False where it was already. Raises AssetNotFound where its bytes are let go of.

    One that has expired stays unreadable; its bytes stay, too.
    """
    return _set(asset_id, True, actor_id=actor_id, reason=reason)


def lift(asset_id: UUID, *, actor_id: UUID, reason: str) -> bool:
    """Let an asset be deleted again, and swept where it has expired; False where it was on no legal hold."""
    return _set(asset_id, False, actor_id=actor_id, reason=reason)


def _set(asset_id: UUID, is_held: bool, *, actor_id: UUID, reason: str) -> bool:
    with transaction.atomic(durable=True):
        asset = Asset.objects.select_for_update(no_key=True).filter(pk=asset_id, deleted_at=None).first()
        if asset is None:
            raise AssetNotFound
        if asset.legal_hold == is_held:
            return False
        Asset.objects.filter(pk=asset_id).update(legal_hold=is_held)
        audit.record(
            "asset.put_on_legal_hold" if is_held else "asset.legal_hold_lifted",
            actor_id=actor_id,
            organization_id=asset.organization_id,
            reason=reason,
            facts={"assetId": str(asset_id)},
        )
        return True
