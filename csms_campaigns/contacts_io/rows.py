"""Rows of the database that contacts are written to: never of a replica."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models, router, transaction

from csms_campaigns.models import Contact

M = TypeVar("M", bound=models.Model)


def alias() -> str:
    return router.db_for_write(Contact)


def rows(model: type[M]) -> models.QuerySet[M]:
    return model._default_manager.using(alias())


def atomic() -> Any:
    return transaction.atomic(using=alias())
