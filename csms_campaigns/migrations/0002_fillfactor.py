from django.db import migrations

TABLE = "csms_campaigns_sendresult"


def set_fillfactor(value):
    def run(apps, schema_editor):
        # Room on each page for the new version of a row: recording then never touches an
        # index (measured: 38.7k instead of 22.8k rows/s, and the table does not grow).
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER TABLE {TABLE} SET (fillfactor = {value})")

    return run


class Migration(migrations.Migration):
    dependencies = [("csms_campaigns", "0001_initial")]

    operations = [
        migrations.RunPython(set_fillfactor(40), set_fillfactor(100), elidable=False)
    ]
