from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
_BEFORE = "generation_settle(uuid, uuid, integer, text, integer, text, text, text, boolean, jsonb, jsonb)"
_AFTER = "generation_settle(uuid, uuid, integer, text, integer, text, text, text, boolean, jsonb, jsonb, integer)"


class Migration(migrations.Migration):
    """Our cost counts what a provider made and bills, unusable outputs too. Workers of the last release may call it."""

    dependencies = [("generation", "0004_calls_that_failed")]

    operations = [
        migrations.RunSQL(
            [f"DROP FUNCTION {_BEFORE}", (SQL / "settle_0002.sql").read_text()],
            [f"DROP FUNCTION {_AFTER}", (SQL / "settle_0001.sql").read_text()],
        )
    ]
