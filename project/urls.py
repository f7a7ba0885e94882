from __future__ import annotations

from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("sms/", include("csms_campaigns.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    # No web server stands before the demo; a site in production lets its own serve these.
    path("static/<path:path>", serve, {"insecure": True}),
]
