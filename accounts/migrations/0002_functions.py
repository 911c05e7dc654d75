from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    """The trigger that keeps the audit trail."""

    dependencies = [("accounts", "0001_initial")]

    operations = [
        # Dropping the trigger's function with CASCADE drops the trigger.
        migrations.RunSQL((SQL / "audit_0001.sql").read_text(), "DROP FUNCTION accounts_keep_audit() CASCADE"),
    ]
