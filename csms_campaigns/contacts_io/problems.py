"""Why a row is left out, as a sentence that says what to do, in the reader's language.

Workers write down codes; the sentence is made where somebody reads it.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from csms_campaigns.models import Contact
from csms_campaigns.sms.numbers import MESSAGES, NumberError

TOO_MANY_CELLS: Final = "too_many_cells"
NAME_TOO_LONG: Final = "name_too_long"
VALUE_TOO_LONG: Final = "value_too_long"

_OWN: Final[dict[str, Any]] = {
    TOO_MANY_CELLS: gettext_noop(
        "The row has more cells than the header. Put a cell that contains the "
        "separator in quotation marks."
    ),
    NAME_TOO_LONG: gettext_noop(
        "The name is longer than %(limit)s characters. Shorten it."
    ),
    VALUE_TOO_LONG: gettext_noop(
        "“%(column)s” is longer than %(limit)s characters. Shorten it."
    ),
}
LONGEST_NAME: Final = Contact._meta.get_field("name").max_length or 200
LONGEST_VALUE: Final = 1000

_LIMITS: Final = {NAME_TOO_LONG: LONGEST_NAME, VALUE_TOO_LONG: LONGEST_VALUE}


def sentence(code: str, column: str = "") -> str:
    """The code as it is if it is of another version."""
    if code in _OWN:
        return _(_OWN[code]) % {"column": column, "limit": _LIMITS.get(code)}
    if code in NumberError._value2member_map_:
        return _(MESSAGES[NumberError(code)])
    return code
