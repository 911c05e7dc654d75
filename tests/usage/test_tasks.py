"""What beat rings for usage."""

import structlog

from tests.usage.money import end, figures, give
from tests.usage.test_verify import tamper
from usage import tasks


def test_the_sweep_takes_what_ended(organization):
    # given
    end(give(organization, 10, days=1))

    # when
    tasks.expire_grants()

    # then
    assert figures(organization) == (0, 0, 0)


def test_the_nightly_proof_tells_drift(organization):
    # given
    give(organization, 10)
    tamper(f"UPDATE usage_wallet SET available = 11 WHERE organization_id = '{organization.pk}'")

    # when
    with structlog.testing.capture_logs() as logs:
        tasks.verify()

    # then
    (line,) = [line for line in logs if line["event"] == "ledger drift"]
    assert line["log_level"] == "error"
    assert any(str(organization.pk) in finding for finding in line["first"])
    assert tasks._drift.collect()[0].samples[0].value == line["findings"] > 0
