"""Announces job events in Valkey, after the commit that wrote them. A hint only: listeners re-read Postgres."""

from uuid import UUID

from core import postman


def job_channel(job_id: UUID | str) -> str:
    """The Valkey channel that carries one job's events."""
    return f"job:{job_id}"


def organization_channel(organization_id: UUID | str) -> str:
    """The Valkey channel that carries the events of all of an organization's jobs."""
    return f"org:{organization_id}"


def announce(organization_id: UUID | str, job_id: UUID | str, body: str) -> None:
    """Send one event's JSON to whoever follows the job or its organization. Best effort: never waits or raises.

    Call it after the commit. What gets lost here, the hub finds in Postgres within 15 s.
    """
    postman.publish(job_channel(job_id), body)
    postman.publish(organization_channel(organization_id), body)
