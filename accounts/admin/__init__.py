"""The admin of accounts, by noun."""

from accounts.admin import api_keys, audit, organizations, sign_in, users

__all__ = ["api_keys", "audit", "organizations", "sign_in", "users"]
