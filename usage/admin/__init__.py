"""The admin of usage, by noun."""

from usage.admin import bans, entitlements, ledger, panels, records

__all__ = ["bans", "entitlements", "ledger", "panels", "records"]
