from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    """The SQL functions of this app, kept readable in sql/."""

    dependencies = [("storage", "0001_initial")]

    operations = [
        migrations.RunSQL((SQL / "ready_outputs_0001.sql").read_text(), "DROP FUNCTION storage_ready_outputs(uuid)"),
    ]
