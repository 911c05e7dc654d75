"""Every model has a factory, and what it builds is valid."""

import pytest
from django.apps import apps
from factory.django import DjangoModelFactory

from tests import factories

OURS = ("accounts", "billing", "core", "generation", "storage", "usage")
FACTORIES = [
    each
    for each in vars(factories).values()
    if isinstance(each, type) and issubclass(each, DjangoModelFactory) and each is not DjangoModelFactory
]


@pytest.mark.parametrize("each", FACTORIES, ids=lambda each: each.__name__)
def test_row_is_valid_and_stored(each, db):
    # when
    row = each()

    # then
    row.refresh_from_db()
    assert type(row).objects.filter(pk=row.pk).count() == 1


@pytest.mark.parametrize("state", ["running", "succeeded", "failed"])
def test_job_can_be_in_each_state(state, db):
    assert factories.JobFactory(**{state: True}).status == state


def test_each_model_of_ours_has_a_factory():
    models = {model for label in OURS for model in apps.get_app_config(label).get_models()}

    assert {each._meta.model for each in FACTORIES} == models
