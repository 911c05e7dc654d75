from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


def function(name: str, signature: str) -> migrations.RunSQL:
    return migrations.RunSQL((SQL / f"{name}.sql").read_text(), f"DROP FUNCTION {signature}")


class Migration(migrations.Migration):
    """The statements that move credits, and the triggers that keep what they wrote."""

    dependencies = [("usage", "0001_initial")]

    operations = [
        function("enter_0001", "usage_enter(uuid, text, text, bigint, bigint, bigint, jsonb, uuid, text)"),
        function("draw_0001", "usage_draw(uuid, bigint)"),
        function("expire_0001", "usage_expire(uuid)"),
        function("repay_0001", "usage_repay(uuid, text)"),
        function("hold_0001", "usage_hold(uuid, text, bigint)"),
        function("settle_0001", "usage_settle(text, bigint, uuid, text)"),
        function("refusal_0001", "usage_refusal(uuid, uuid)"),
        function(
            "record_0001",
            "usage_record(uuid, uuid, uuid, uuid, uuid, text, text, text, text, bigint, bigint, bigint, integer,"
            " integer, text, text)",
        ),
        # Dropping the trigger function with CASCADE drops the triggers that call it.
        function("append_only_0001", "usage_refuse_change() CASCADE"),
    ]
