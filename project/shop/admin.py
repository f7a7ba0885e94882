from __future__ import annotations

from django.contrib import admin

from project.shop.models import Customer


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not on Django 5.2 at run time
    list_display = ("name", "mobile", "city", "points", "wants_news")
    list_filter = ("wants_news",)
    search_fields = ("name", "mobile")
