"""What the tests of the admin share: signed-in staff, the address of a page, and a row of every model in it."""

import uuid

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models as fields
from django.test import Client
from django.urls import reverse
from factory.django import DjangoModelFactory

from accounts.models import AuditEntry
from core import clock
from tests import factories

OURS = ("accounts", "billing", "core", "generation", "storage", "usage")
FACTORIES = {
    each._meta.model: each
    for each in vars(factories).values()
    if isinstance(each, type) and issubclass(each, DjangoModelFactory) and each is not DjangoModelFactory
}
# Columns of other packages that no page may show.
SECRETS = {"secret", "session_key", "token", "token_secret"}
# What dj-stripe's own __str__ wants to read, with a status that it knows.
STRIPE = {
    "amount": 2000,
    "amount_due": 2000,
    "amount_paid": 2000,
    "amount_refunded": 0,
    "captured": True,
    "client_secret": "leak_of_client_secret",
    "code": "WELCOME",
    "currency": "usd",
    "filename": "receipt.pdf",
    "name": "Northwind",
    "object": "thing",
    "paid": True,
    "reason": "general",
    "refunded": False,
    "status": "succeeded",
    "type": "charge",
    "url": "https://example.com",
}
STRIPE_STATUS = {"BalanceTransaction": "available", "Dispute": "lost"}


def models(*labels):
    """The registered models, of these apps only."""
    registered = sorted(admin.site._registry, key=lambda model: model._meta.label)
    return [model for model in registered if not labels or model._meta.app_label in labels]


def name_of(model):
    return model._meta.label


def page(model, name, *args, **query):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args, query=query or None)


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def row_of(model):
    """A valid row of any registered model."""
    if model in FACTORIES:
        return FACTORIES[model]()
    if model is Group:
        return Group.objects.create(name=f"Support {uuid.uuid4()}")
    return _any_row(model)


def last_audit():
    return AuditEntry.objects.order_by("-id").first()


def act(client, url, **form):
    """Ask for an act as its page does: open the form, fill it in, send it with its token."""
    asked = client.get(url)
    assert asked.status_code == 200, asked.content[:300]
    token = asked.context["form"]["token"].value()
    return client.post(url, {"_asked": "yes", "token": str(token), **form}, follow=True)


def told(response):
    """The messages on the page that an act led to."""
    return [str(message) for message in response.context["messages"]]


def _any_row(model):
    values = {each.name: _any_value(each) for each in model._meta.concrete_fields if _is_needed(each)}
    if any(each.name == "stripe_data" for each in model._meta.concrete_fields):
        values["stripe_data"] = STRIPE | {"status": STRIPE_STATUS.get(model.__name__, "succeeded")}
    return model.objects.create(**values)


def _is_needed(field):
    return not field.primary_key and not field.has_default() and not field.null


def _any_value(field):
    match field:
        case fields.ForeignKey() | fields.OneToOneField():
            return row_of(field.related_model)
        case fields.DateTimeField():
            return clock.now()
        case fields.BooleanField():
            return False
        case fields.IntegerField() | fields.DecimalField():
            return 1
        case fields.JSONField():
            return {}
        case fields.GenericIPAddressField():
            return "127.0.0.1"
        case fields.UUIDField():
            return uuid.uuid4()
        case fields.CharField() if field.choices:
            return field.choices[0][0]
        case fields.CharField():
            kind = "leak" if field.name in SECRETS else "some"
            return f"{kind}_{uuid.uuid4().hex}"[: field.max_length or 60]
        case _:
            return ""
