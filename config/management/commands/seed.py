"""`manage.py seed`: organizations with owners, keys and credits, for a first look, for tests and for load."""

import json
import secrets
from typing import Any, TypedDict
from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts import api_keys, organizations
from accounts.models import User
from usage import ledger
from usage.models import Grant


class UserJSON(TypedDict):
    email: str
    password: str


class OrganizationJSON(TypedDict):
    id: str
    name: str
    apiKey: str
    users: list[UserJSON]


class Command(BaseCommand):
    help = "Creates organizations, each with an owner, an API key and credits, and prints what is needed to use them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        parser.add_argument("--organizations", type=int, default=1, metavar="N")
        parser.add_argument("--credits", type=int, default=10_000, metavar="N", help="for each organization")
        parser.add_argument("--email", help="of the first owner; made up for the others")
        parser.add_argument("--password", help="of the owners; made up when not given")

    def handle(self, *args: Any, **options: Any) -> None:
        password = options["password"] or secrets.token_urlsafe(12)
        # Slow by design, so done once for all of them.
        password_hash = make_password(password)
        emails = [f"owner-{uuid4().hex[:12]}@example.com" for _ in range(options["organizations"])]
        emails[:1] = [options["email"] or emails[0]]
        made = [_organization(email, password, password_hash, options["credits"]) for email in emails]
        if options["json"]:
            self.stdout.write(json.dumps({"organizations": made}))
        else:
            for one in made:
                self.stdout.write("  ".join([one["name"], one["users"][0]["email"], password, one["apiKey"]]))


@transaction.atomic
def _organization(email: str, password: str, password_hash: str, credits: int) -> OrganizationJSON:
    user, organization = organizations.create_user_with_organization(email, None)
    User.objects.filter(pk=user.pk).update(password=password_hash)
    key = api_keys.issue(organization_id=organization.pk, user_id=user.pk, name="seed")
    if credits:
        ledger.grant(organization.pk, kind=Grant.Kind.PROMO, credits=credits, reference=f"seed:{organization.pk}")
    return {
        "id": str(organization.pk),
        "name": organization.name,
        "apiKey": key.secret,
        "users": [{"email": email, "password": password}],
    }
