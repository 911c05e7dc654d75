from django.db import migrations

# Wallets and grants are updated at every job. Room on their pages lets an update stay on its page and touch no index;
# an early vacuum keeps the versions of a busy row few.
HOT = "fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500"


def roomy(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} SET ({HOT})",
        f"ALTER TABLE {table} RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)",
    )


class Migration(migrations.Migration):
    dependencies = [("usage", "0002_functions")]

    operations = [roomy("usage_wallet"), roomy("usage_grant")]
