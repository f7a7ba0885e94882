"""Every page that is read, opened by somebody who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Model
from django.test import Client
from django.urls import reverse

from tests.security.doors import DOORS


def visit(client: Client, rows: dict[str, Model]) -> Iterator[tuple[str, Any]]:
    for model, doors in DOORS.items():
        for name, door in doors.items():
            if door.get is None:
                continue
            args = [] if door.row is None else [rows[door.row or model].pk]
            url = reverse(f"admin:csms_campaigns_{model}_{name}", args=args)
            yield f"{model}_{name}", client.get(url, follow=True)
