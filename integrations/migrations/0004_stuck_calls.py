from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_custom_events")]
    operations = [
        migrations.AddIndex(
            "inboundevent",
            models.Index("store", "id", condition=Q(quarantined_at__isnull=False), name="integrations_inbound_stuck"),
        ),
    ]
