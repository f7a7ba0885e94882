"""The first page of the app under any admin site: its view is Django's own."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch

from csms_campaigns.models import Campaign

register = template.Library()


@register.simple_tag(takes_context=True)
def csms_overview(context: Any) -> dict[str, Any] | None:
    """None for whoever may not see campaigns, and on a site that has not registered them."""
    # Django reads the tags of all apps while a theme's own admin is still being imported.
    from csms_campaigns.admin.overview import may_see, overview
    from csms_campaigns.admin.watch_pages import overview_url

    request = context.request
    site = getattr(request, "current_app", "admin")
    try:
        url = overview_url(site)
    except NoReverseMatch:
        return None
    if not may_see(request, Campaign):
        return None
    return {**overview(request, site), "feed_url": url}
