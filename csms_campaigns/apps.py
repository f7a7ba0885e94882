from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CsmsCampaignsConfig(AppConfig):
    name = "csms_campaigns"
    verbose_name = _("SMS campaigns")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from csms_campaigns import checks  # noqa: F401 registers them
        from csms_campaigns.diagnosis import panel  # noqa: F401 registers with workers
