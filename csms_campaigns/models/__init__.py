"""The nouns. Verbs that change a status live in `engine`."""

from __future__ import annotations

from csms_campaigns.models.accounts import GatewayAccount, Heartbeat, Lane
from csms_campaigns.models.campaigns import Campaign, MessageTemplate
from csms_campaigns.models.contacts import Contact, ContactList, OptOut
from csms_campaigns.models.imports import ContactImport, ImportChunk
from csms_campaigns.models.results import SendResult
from csms_campaigns.models.selections import ContactSelection
from csms_campaigns.models.sending import Attempt, Batch

__all__ = [
    "Attempt",
    "Batch",
    "Campaign",
    "Contact",
    "ContactImport",
    "ContactList",
    "ContactSelection",
    "GatewayAccount",
    "Heartbeat",
    "ImportChunk",
    "Lane",
    "MessageTemplate",
    "OptOut",
    "SendResult",
]
