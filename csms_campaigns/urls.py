"""Optional: `path("sms/", include("csms_campaigns.urls"))` in the site's own."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "csms_campaigns"

urlpatterns: list[URLPattern] = []
