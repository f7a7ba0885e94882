"""The site's own tables stand in `default`; the app's, and the users they name, in `office`."""

from __future__ import annotations

from typing import Any, Final

OFFICE: Final = frozenset(
    {"csms_campaigns", "auth", "admin", "contenttypes", "sessions"}
)


class OfficeRouter:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "office" if model._meta.app_label in OFFICE else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (app_label in OFFICE) == (db == "office")


class AppAlone(OfficeRouter):
    """What does not work: the users stay where they are."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "office" if model._meta.app_label == "csms_campaigns" else "default"

    db_for_write = db_for_read
