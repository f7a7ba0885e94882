"""The admin of these sites is one of their own, beside the default one."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.urls import include, path

from csms_campaigns import admin as ours

if apps.is_installed("unfold"):
    from unfold.sites import UnfoldAdminSite as AdminSite
else:
    from django.contrib.admin import AdminSite

office = AdminSite(name="office")
for name in ours.__all__:
    its_admin = getattr(ours, name)
    [model] = [m for m, a in admin.site._registry.items() if type(a) is its_admin]
    office.register(model, its_admin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("office/", office.urls),
    path("sms/", include("csms_campaigns.urls")),
]
