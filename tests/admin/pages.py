"""Addresses of the admin's pages, and what a response says to the person."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from csms_campaigns.models import Campaign


def listing(model: str) -> str:
    return reverse(f"admin:csms_campaigns_{model}_changelist")


def adding(model: str) -> str:
    return reverse(f"admin:csms_campaigns_{model}_add")


def change(row: Any) -> str:
    return reverse(f"admin:csms_campaigns_{row._meta.model_name}_change", args=[row.pk])


def deletion(row: Any) -> str:
    return reverse(f"admin:csms_campaigns_{row._meta.model_name}_delete", args=[row.pk])


def of(campaign: Campaign, page: str) -> str:
    return reverse(f"admin:csms_campaigns_campaign_{page}", args=[campaign.pk])


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def text(response: Any) -> str:
    return str(response.content.decode())
