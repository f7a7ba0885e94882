"""Links with which people opt out by themselves: one for a campaign, or one for each person.

Nothing is stored for a link: the campaign's id, or the number, is sealed in its code. A code is
as long as any other of its kind, so a text has its final length before anybody is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.sms.placeholders import Message
from csms_campaigns.sms.sealing import Seal

OF_CAMPAIGN: Final = "opt_out_url"
OF_PERSON: Final = "personal_opt_out_url"
NAMES: Final = (OF_CAMPAIGN, OF_PERSON)

CAMPAIGN: Final = Seal(value_bits=35, tag_bits=48)
PERSON: Final = Seal(value_bits=50, tag_bits=51)
"""Fifteen digits, the longest number there is, are fewer than 2⁵⁰."""
_SALTS: Final = {CAMPAIGN: "campaign", PERSON: "person"}
SAMPLE: Final = 0
"""In the link of a preview or a test send: no campaign and no number is 0."""
SOMEWHERE: Final = "https://example.com/o/"
"""For previews, where PUBLIC_URL is missing."""


@dataclass(frozen=True)
class Link:
    """What is in a code. Neither: a sample of `kind`, with which nobody opts out."""

    kind: str
    campaign_id: int | None = None
    phone: str = ""

    @property
    def is_sample(self) -> bool:
        return self.campaign_id is None and not self.phone


def read(code: str) -> Link | None:
    """None for whatever this site has not made."""
    campaign_id = _open(CAMPAIGN, code)
    if campaign_id is not None:
        return Link(OF_CAMPAIGN, campaign_id=campaign_id or None)
    digits = _open(PERSON, code)
    if digits is not None:
        return Link(OF_PERSON, phone=f"+{digits}" if digits else "")
    return None


def of_campaign(campaign_id: int) -> str:
    return base() + CAMPAIGN.close(campaign_id, _key(CAMPAIGN, settings.SECRET_KEY))


def maker() -> Callable[[str], str]:
    """From a number in E.164 to the link of that person, a million times."""
    start, key = base(), _key(PERSON, settings.SECRET_KEY)
    return lambda phone: start + PERSON.close(int(phone[1:]), key)


def with_campaign_link(message: Message, campaign_id: int) -> Message:
    if OF_CAMPAIGN not in message.names:
        return message
    return message.with_constants({OF_CAMPAIGN: of_campaign(campaign_id)})


def with_samples(message: Message) -> Message:
    """As long as the final text; never refused."""
    if not uses(message):
        return message
    start = SOMEWHERE if problem() else base()
    samples = {
        OF_CAMPAIGN: start
        + CAMPAIGN.close(SAMPLE, _key(CAMPAIGN, settings.SECRET_KEY)),
        OF_PERSON: start + PERSON.close(SAMPLE, _key(PERSON, settings.SECRET_KEY)),
    }
    return message.with_constants(samples)


def uses(message: Message) -> bool:
    return any(name in message.names for name in NAMES)


def check(message: Message) -> None:
    """`CampaignError` if the text has a link that cannot be made."""
    if uses(message) and (sentence := problem()):
        raise CampaignError(sentence, "no_public_url")


def problem() -> str:
    """Why no link can be made, in one sentence; empty if all is well."""
    if not conf.public_url():
        return _(
            "Links to opt out need the address of the site: set PUBLIC_URL in "
            "CSMS_CAMPAIGNS, or remove the placeholder."
        )
    try:
        base()
    except NoReverseMatch:
        return _(
            "Links to opt out need their page: include csms_campaigns.urls in the URLs "
            "of the site, or remove the placeholder."
        )
    return ""


def base() -> str:
    """What stands before the code. A worker knows no prefix of the server, so PUBLIC_URL has it."""
    path = reverse("csms_campaigns:opt_out", args=["0"]).removesuffix("0")
    return f"{conf.public_url()}/{path.removeprefix(get_script_prefix())}"


def _open(seal: Seal, code: str) -> int | None:
    found = (seal.open(code, _key(seal, secret)) for secret in _secrets())
    return next((value for value in found if value is not None), None)


def _secrets() -> Iterator[str | bytes]:
    """A text outlives a rotation of the key."""
    yield settings.SECRET_KEY
    yield from settings.SECRET_KEY_FALLBACKS


def _key(seal: Seal, secret: str | bytes) -> bytes:
    salt = f"csms_campaigns.opt_out.{_SALTS[seal]}"
    return salted_hmac(salt, "", secret=secret, algorithm="sha256").digest()
