from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


def function(name: str, signature: str) -> migrations.RunSQL:
    return migrations.RunSQL((SQL / f"{name}.sql").read_text(), f"DROP FUNCTION {signature}")


class Migration(migrations.Migration):
    """The hot transactions of a job's life: admit, claim, advance, requeue, settle; and the one writer of events."""

    dependencies = [
        ("generation", "0001_initial"),
        ("core", "0001_initial"),
        ("usage", "0002_functions"),
        ("storage", "0002_functions"),
    ]

    operations = [
        function("write_event_0001", "generation_write_event(generation_job, text, text)"),
        function(
            "admit_0001",
            "generation_admit(uuid, uuid, uuid, text, text, text, jsonb, jsonb, text, integer, bigint, bigint, integer,"
            " integer, integer, double precision, double precision, uuid, text, text, text, text, bytea)",
        ),
        function("claim_0001", "generation_claim(text, text, integer, double precision)"),
        function("advance_0001", "generation_advance(uuid, uuid, integer, text, text, integer, text)"),
        function("end_job_0001", "generation_end_job(uuid, text, bigint, text, text, boolean, jsonb, jsonb)"),
        function(
            "settle_0001",
            "generation_settle(uuid, uuid, integer, text, integer, text, text, text, boolean, jsonb, jsonb)",
        ),
        function("requeue_0001", "generation_requeue(uuid, uuid, integer, boolean, double precision, text, text)"),
    ]
