"""The pages. Every class may be registered with another admin site too."""

from __future__ import annotations

from csms_campaigns.admin.accounts import GatewayAccountAdmin
from csms_campaigns.admin.campaigns import CampaignAdmin
from csms_campaigns.admin.contacts import ContactAdmin, ContactListAdmin, OptOutAdmin
from csms_campaigns.admin.imports import ContactImportAdmin
from csms_campaigns.admin.message_templates import MessageTemplateAdmin
from csms_campaigns.admin.recipients import SendResultAdmin
from csms_campaigns.admin.sending import AttemptAdmin, BatchAdmin

__all__ = [
    "AttemptAdmin",
    "BatchAdmin",
    "CampaignAdmin",
    "ContactAdmin",
    "ContactImportAdmin",
    "ContactListAdmin",
    "GatewayAccountAdmin",
    "MessageTemplateAdmin",
    "OptOutAdmin",
    "SendResultAdmin",
]
