"""Writing many outcomes at once, for PostgreSQL and SQLite: the ORM has no fast word for it.

`bulk_update` takes 88–103 ms for 100 recipients; one statement takes 3 (measured).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from csms_campaigns.engine.database import execute, is_postgresql


class Outcome(NamedTuple):
    result_id: int
    status: str
    message_id: str = ""
    error_code: str = ""
    error: str = ""


# Of who was erased meanwhile the outcome is written, without what may name the number. One JSON
# text for all: an array for each column takes twice as long to write down (measured).
_WRITE: Final = """
UPDATE {{result}} AS r
   SET status = v.status, error_code = v.error_code, updated_at = %(now)s,
       message_id = CASE WHEN r.phone LIKE '+%%' THEN v.message_id ELSE '' END,
       error = CASE WHEN r.phone LIKE '+%%' THEN v.error ELSE '' END
  FROM ({said}) AS v
 WHERE r.id = v.id AND r.batch_id = %(batch)s
   AND r.status IN ('pending', 'unknown') AND r.resolution IN ('', 'resend')
"""
_POSTGRESQL: Final = _WRITE.format(
    said="""
    SELECT (j->>0)::bigint AS id, j->>1 AS status, j->>2 AS message_id,
           j->>3 AS error_code, j->>4 AS error
      FROM json_array_elements(%(outcomes)s::json) AS j"""
)
_SQLITE: Final = _WRITE.format(
    said="""
    SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS status,
           json_extract(value, '$[2]') AS message_id,
           json_extract(value, '$[3]') AS error_code, json_extract(value, '$[4]') AS error
      FROM json_each(%(outcomes)s)"""
)


def write_outcomes(batch_id: int, outcomes: Sequence[Outcome], now: datetime) -> int:
    """Write what became of recipients of a batch that are still open; how many were.

    “Send again” says nothing of what became of the first text: an answer still may.
    """
    sql = _POSTGRESQL if is_postgresql() else _SQLITE
    return execute(sql, outcomes=json.dumps(outcomes), batch=batch_id, now=now)
