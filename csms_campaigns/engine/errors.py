"""What a person asked for and cannot have, said in one sentence."""

from __future__ import annotations

from django.utils.functional import Promise


class CampaignError(Exception):
    """`str(error)` is one translated sentence for the person; `code` is for programs."""

    def __init__(self, text: str | Promise, code: str) -> None:
        super().__init__(text)
        self.text = text
        self.code = code

    def __str__(self) -> str:
        return str(self.text)
