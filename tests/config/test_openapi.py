"""The OpenAPI document against the API: whatever it describes is answered, and nothing is a 5xx.

Schemathesis makes requests that fit the document and such that just do not, for every route and method in it.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from accounts.models import Role
from config import wsgi
from tests.fixtures import member
from usage.models import Entitlement

EXAMPLES = 12


@pytest.fixture
def secret(committed, funded, organization):
    """The key of an owner who may ask as often as it takes."""
    Entitlement.objects.filter(pk=organization.pk).update(requests_per_minute=1_000_000)
    return member(organization, Role.OWNER).secret


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_input_is_a_server_error(secret, mode):
    # given
    described = schemathesis.openapi.from_wsgi("/v1/openapi.json", wsgi.application)
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) > 30

    # then
    for operation in operations:
        try:
            exercised(operation, mode, secret)
        except Unsatisfiable:
            # Nothing that does not fit: the route takes no input.
            continue


def exercised(operation, mode, secret):
    """Send so many cases of one operation; the smallest that breaks it is told."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def answered(case):
        answer = case.call(headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"

    answered()
