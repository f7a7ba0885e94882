"""One sentence for each wrong or missing setting: what to set it to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.module_loading import import_string
from phonenumbers import SUPPORTED_REGIONS

from csms_campaigns.conf.constants import MAX_ALIAS, SETTING
from csms_campaigns.conf.rules import ACCOUNT_KEYS, RULES, TOP_KEYS, TOP_RULES


def setting_problems(value: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each setting of the dict that is wrong or missing."""
    for key in sorted(set(value) - TOP_KEYS):
        yield f"{SETTING} has an unknown key '{key}'. Known: {', '.join(sorted(TOP_KEYS))}."
    for key, (is_right, wanted) in TOP_RULES.items():
        if key in value and not is_right(value[key]):
            yield f"{SETTING}['{key}'] is wrong: set it to {wanted}."
    accounts = value.get("ACCOUNTS")
    if not isinstance(accounts, Mapping) or not accounts:
        yield f"{SETTING}['ACCOUNTS'] must name at least one account, such as 'default'."
        return
    region = value.get("DEFAULT_REGION") or "US"
    if not isinstance(region, str) or region not in SUPPORTED_REGIONS:
        yield f"{SETTING}['DEFAULT_REGION'] is wrong: set it to a country, such as 'US'."
    for alias, options in accounts.items():
        if not isinstance(alias, str) or not 1 <= len(alias) <= MAX_ALIAS:
            yield f"{SETTING}['ACCOUNTS']: an alias has 1 to {MAX_ALIAS} characters."
        yield from account_problems(alias, options)
    yield from _shared_keys(accounts)
    yield from audience_problems(value.get("AUDIENCES", {}))


def account_problems(alias: str, options: Any) -> Iterator[str]:
    """One sentence for each wrong option of an account; a value is never shown."""
    place = f"{SETTING}['ACCOUNTS']['{alias}']"
    if not isinstance(options, Mapping):
        yield f"{place} must be a dict with at least an API_KEY."
        return
    for key in sorted(set(options) - ACCOUNT_KEYS):
        yield f"{place} has an unknown key '{key}'. Known: {', '.join(sorted(ACCOUNT_KEYS))}."
    if "API_KEY" not in options:
        yield f"{place}['API_KEY'] is missing: set it to {RULES['API_KEY'][1]}."
    for key, (is_right, wanted) in RULES.items():
        if key in options and not is_right(options[key]):
            yield f"{place}['{key}'] is wrong: set it to {wanted}."


def audience_problems(named: Any) -> Iterator[str]:
    """One sentence for each audience that could not be read."""
    place = f"{SETTING}['AUDIENCES']"
    if not isinstance(named, Mapping):
        yield f"{place} must be a dict: a name → the dotted path of a callable."
        return
    for name, path in named.items():
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= MAX_ALIAS:
            yield f"{place}: a name has 1 to {MAX_ALIAS} characters."
        elif problem := _audience_problem(path):
            yield f"{place}['{name}'] {problem}"


def _audience_problem(path: Any) -> str:
    if not isinstance(path, str) or "." not in path:
        return "is wrong: set it to a dotted path, such as 'shop.sms.customers'."
    try:
        found = import_string(path)
    except Exception as error:  # noqa: BLE001 - whatever the site's module does when imported
        return f"names '{path}', which cannot be imported ({error})."
    # Managers and querysets are not called.
    if callable(found) or hasattr(found, "iterator"):
        return ""
    return f"names '{path}', which is neither a callable nor a queryset."


def _shared_keys(accounts: Mapping[str, Any]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for alias, options in accounts.items():
        key = options.get("API_KEY") if isinstance(options, Mapping) else None
        if not isinstance(key, str):
            continue
        if key in seen:
            yield (
                f"{SETTING}['ACCOUNTS']: '{alias}' and '{seen[key]}' have the same API_KEY; "
                "one key must have one alias, or its limits would be counted twice."
            )
        seen[key] = alias
