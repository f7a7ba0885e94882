"""Is everything there, and does it move? For `csms_doctor`, the health page and the metrics."""

from __future__ import annotations
