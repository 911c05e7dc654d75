"""The ways in, as a browser and as a frontend on another origin use them."""

import re
from urllib.parse import unquote

from rest_framework.test import APIClient

from tests.factories import PASSWORD

APP = "/_allauth/app/v1"
BROWSER = "/_allauth/browser/v1"

__all__ = ["APP", "BROWSER", "PASSWORD", "csrf", "link_key", "signed_in"]


def signed_in(user):
    """A client that carries the session cookie of this user, and whose writes must carry the CSRF token."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    client.get(f"{BROWSER}/config")
    return client


def csrf(client):
    return {"X-CSRFToken": client.cookies["csrftoken"].value}


def link_key(text):
    """The key at the end of the first link of a mail."""
    return unquote(re.search(r"""https?://[^\s"]+/account/[^\s"]+/([^\s"]+)""", text)[1])
