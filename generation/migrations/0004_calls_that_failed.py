from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    """A usage record of every call, of those too that failed and are made again."""

    dependencies = [("generation", "0003_circuit")]

    operations = [
        migrations.RunSQL(
            (SQL / "requeue_0002.sql").read_text(),
            (SQL / "requeue_0001.sql").read_text().replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"),
        )
    ]
