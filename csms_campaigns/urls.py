"""Optional: `path("sms/", include("csms_campaigns.urls"))` in the site's own."""

from __future__ import annotations

from django.urls import URLPattern, path

from csms_campaigns.views import monitoring, opting_out

app_name = "csms_campaigns"

urlpatterns: list[URLPattern] = [
    path("health", monitoring.health, name="health"),
    path("metrics", monitoring.metrics, name="metrics"),
    # One letter: each one counts in a text.
    path("o/<str:code>", opting_out.opt_out, name="opt_out"),
]
