"""What generation shows on the pages of accounts: the latest jobs of an organization and of a user."""

from django.db.models import QuerySet

from accounts.models import Organization, User
from core.desk import cells
from core.desk.base import LATEST, Panel, shown_on
from generation.models import Job


@shown_on(Organization, permission="generation.view_job")
def jobs_of_organization(organization: Organization) -> Panel:
    return _jobs(organization.jobs.all(), cells.list_url("generation_job", organization__id__exact=organization.pk))


@shown_on(User, permission="generation.view_job")
def jobs_of_user(user: User) -> Panel:
    return _jobs(user.jobs.all(), cells.list_url("generation_job", q=user.email))


def _jobs(found: QuerySet[Job], all_of_them: str) -> Panel:
    latest = found.order_by("-id").defer("input", "metadata", "output_text", "output_data")[:LATEST]
    return Panel(
        title="Jobs",
        headers=("Job", "Status", "Operation", "Model", "Credits", "Error", "Made", "Took"),
        rows=[
            (
                cells.id_link("generation_job", job.pk),
                cells.badge(job.status),
                job.operation,
                job.model,
                cells.credits(job.held_credits if job.charged_credits is None else job.charged_credits),
                job.error_code or cells.NOTHING,
                cells.ago(job.created_at),
                cells.span(job.created_at, job.finished_at),
            )
            for job in latest
        ],
        links=[("All", all_of_them)],
    )
