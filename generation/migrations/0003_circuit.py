from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
AFTER = "generation_claim(text, text, integer, double precision, integer)"


class Migration(migrations.Migration):
    """A circuit for each provider, and a claim that probes it and lets nobody who cannot start take another's turn."""

    dependencies = [("generation", "0002_functions")]

    operations = [
        migrations.AddField("providerstate", "failures", models.PositiveIntegerField(default=0, db_default=0)),
        # Workers of the release before still call the claim by its old signature, which stays for them.
        migrations.RunSQL((SQL / "claim_0002.sql").read_text(), f"DROP FUNCTION {AFTER}"),
    ]
