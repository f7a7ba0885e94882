"""A site that has been sending for a year: `DATABASE_URL=… python -m bench.fill [--results N]`.

Ten million recipients of twenty campaigns, a tenth as many contacts, all by `INSERT … SELECT`.
"""

from __future__ import annotations

import argparse
import os
from typing import Any, Final

from bench.databases import set_up
from bench.frame import say, stopwatch

SHARES: Final = (*[0.1] * 8, 0.05, *[0.012] * 10)
"""Of all recipients but those of the last campaign, where each has a text of their own."""
OWN_TEXTS: Final = 300_000
PER_BATCH: Final = 100

_CONTACTS = """
INSERT INTO csms_campaigns_contact (phone, name, attributes, created_at, updated_at)
SELECT '+1' || (2120000000 + i),
       (ARRAY['Ann','Bob','Carla','Dina','Emil','Farah','Gus','Hana','Ivan','Jude'])[1 + i %% 10]
       || ' ' || chr(65 + i / 10 %% 26) || chr(97 + i / 260 %% 26) || 'sson ' || i / 6760,
       jsonb_build_object('city', 'City ' || i %% 50),
       now() - i * interval '10 seconds', now()
  FROM generate_series(1, %(contacts)s) i
"""

_MEMBERS = """
INSERT INTO csms_campaigns_contact_lists (contact_id, contactlist_id)
SELECT id, %(list)s FROM csms_campaigns_contact WHERE id %% %(nth)s = 0
"""

_OPT_OUTS = """
INSERT INTO csms_campaigns_optout (phone, reason, source, created_at)
SELECT phone, 'STOP', 'reply', created_at FROM csms_campaigns_contact WHERE id % 100 = 50
"""

_BATCHES = """
INSERT INTO csms_campaigns_batch (
    campaign_id, number, message, status, size, segments, time_zone, tries, refusal_count,
    lease_until, finished_at, error_code, error, sent_count, failed_count, unknown_count,
    skipped_count, treated_sent_count, treated_failed_count, resend_count, late_sent_count,
    late_failed_count, answered_count)
SELECT %(campaign)s, i, %(text)s || CASE WHEN %(per)s = 1 THEN ' ' || i ELSE '' END,
       'pending', 0, 1, '', 1, 0, NULL, %(start)s + i * interval '0.6 seconds', '', '',
       0, 0, 0, 0, 0, 0, 0, 0, 0, 0
  FROM generate_series(1, %(batches)s) i
"""

# One in two hundred batches got no answer; of the others one in fifty was refused, more of
# them in some batches than in others, and one in a hundred had opted out.
_RESULTS = """
INSERT INTO csms_campaigns_sendresult (
    campaign_id, contact_id, batch_id, updated_at, phone, status, skip_reason, resolution,
    name, message_id, error_code, error)
SELECT %(campaign)s, c.id, b.id,
       CASE WHEN s.status <> 'skipped' THEN b.finished_at END, c.phone, s.status,
       CASE WHEN s.status = 'skipped' THEN 'opted_out' ELSE '' END, '', '',
       CASE WHEN s.status = 'sent' THEN 'msg-' || %(campaign)s || '-' || c.id ELSE '' END,
       CASE WHEN s.status = 'failed' AND c.id %% 3 > 0 THEN 'E' || c.id %% 7 ELSE '' END,
       CASE WHEN s.status = 'failed' THEN 'Refused for reason ' || c.id %% 7
            WHEN s.status = 'unknown' THEN 'No answer came in time' ELSE '' END
  FROM (SELECT id, phone, (row_number() OVER (ORDER BY id) - 1) / %(per)s + %(first)s AS batch
          FROM csms_campaigns_contact WHERE id > %(skip)s ORDER BY id LIMIT %(size)s) c
  JOIN csms_campaigns_batch b ON b.id = c.batch
 CROSS JOIN LATERAL (SELECT CASE
       WHEN c.id %% 100 = 50 THEN 'skipped'
       WHEN b.number > %(done)s THEN 'pending'
       WHEN b.number %% 200 = 7 THEN 'unknown'
       WHEN (c.id * 7919 + b.number) %% (CASE WHEN b.number %% 10 = 3 THEN 8 ELSE 140 END) = 0
       THEN 'failed' ELSE 'sent' END AS status) s
 ORDER BY c.id
"""

_COUNTS = """
UPDATE csms_campaigns_batch b
   SET size = n.size, sent_count = n.sent, failed_count = n.failed,
       unknown_count = n.missing, skipped_count = n.skipped,
       finished_at = CASE WHEN n.waiting = 0 THEN b.finished_at END,
       status = CASE WHEN n.waiting > 0 THEN 'pending'
                     WHEN n.missing > 0 THEN 'unknown' ELSE 'done' END
  FROM (SELECT batch_id, count(*) AS size,
               count(*) FILTER (WHERE status = 'sent') AS sent,
               count(*) FILTER (WHERE status = 'failed') AS failed,
               count(*) FILTER (WHERE status = 'unknown') AS missing,
               count(*) FILTER (WHERE status = 'skipped') AS skipped,
               count(*) FILTER (WHERE status = 'pending') AS waiting
          FROM csms_campaigns_sendresult WHERE campaign_id = %(campaign)s
           AND id BETWEEN %(low)s AND %(high)s GROUP BY batch_id) n
 WHERE b.id = n.batch_id
"""

_ATTEMPTS = """
INSERT INTO csms_campaigns_attempt (
    account_id, batch_id, cum, stamped_at, done_at, http_status, outcome, remaining_credits,
    size, segments, sent_count, failed_count, error)
SELECT %(account)s, id, %(cum)s + row_number() OVER (ORDER BY number), finished_at,
       finished_at + interval '0.4 seconds',
       CASE WHEN status = 'done' THEN 200 END,
       CASE WHEN status = 'done' THEN 'answered' ELSE 'unknown' END,
       CASE WHEN status = 'done' THEN 100000000 - number * 100 END,
       size, 1, sent_count, failed_count,
       CASE WHEN status = 'done' THEN '' ELSE 'no answer came in time' END
  FROM csms_campaigns_batch WHERE campaign_id = %(campaign)s AND finished_at IS NOT NULL
"""

_LATEST = """
UPDATE csms_campaigns_batch b SET attempt_id = a.id
  FROM csms_campaigns_attempt a WHERE a.batch_id = b.id AND b.campaign_id = %(campaign)s
"""


def fill(url: str, results: int, contacts: int = 0, own_texts: int = OWN_TEXTS) -> None:
    set_up(url)
    from django.db import connection

    from csms_campaigns.models import Contact, ContactList, SendResult

    contacts = contacts or max(results // 10, 1000)
    once = SendResult._meta.constraints[0]
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS, {"contacts": contacts})
        for number in range(20):
            chosen = ContactList.objects.create(name=f"List {number:02}")
            # From all of them down to one in half a million.
            cursor.execute(_MEMBERS, {"list": chosen.pk, "nth": 2**number})
        cursor.execute(_OPT_OUTS)
        first_contact = Contact.objects.order_by("pk").values_list("pk", flat=True)[0]
    with connection.schema_editor() as editor:
        editor.remove_constraint(SendResult, once)
    for number, size in enumerate(sizes := _sizes(results, min(own_texts, contacts))):
        with stopwatch() as watch:
            per = 1 if number == len(sizes) - 1 else PER_BATCH
            skip = first_contact - 1 + (number * 7919) % max(contacts - size, 1)
            _campaign(number, size, per, skip, len(sizes))
        say(f"campaign {number + 1}, {size:,} recipients: {watch.wall:.1f} s")
    with connection.schema_editor() as editor:
        editor.add_constraint(SendResult, once)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _sizes(results: int, own_texts: int) -> list[int]:
    rest = results - own_texts
    return [*(round(rest * share / sum(SHARES)) for share in SHARES), own_texts]


def _campaign(number: int, size: int, per: int, skip: int, many: int) -> None:
    from datetime import timedelta

    from django.db import connection
    from django.utils import timezone

    from csms_campaigns.engine import accounts
    from csms_campaigns.models import Batch, Campaign, ContactList, SendResult
    from csms_campaigns.states import CampaignStatus

    batches = -(-size // per)
    start = timezone.now() - timedelta(days=15 * (many - number), hours=5)
    account = accounts.state("default")
    is_sending = number == 7
    campaign = Campaign.objects.create(
        name=f"Campaign {number + 1}",
        message="Our summer sale begins today." if per > 1 else "Hello {{ name }}",
        status=CampaignStatus.PREPARING,
        started_at=start,
        audience_count=size,
        batch_count=batches,
        segment_count=size,
        zones=[""],
    )
    campaign.lists.set(ContactList.objects.order_by("pk")[:1])
    given: dict[str, Any] = {
        "campaign": campaign.pk,
        "per": per,
        "size": size,
        "skip": skip,
        "batches": batches,
        "start": start,
        "text": campaign.message,
        "account": account.pk,
        "cum": account.cum,
        "done": batches // 2 if is_sending else batches,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BATCHES, given)
        given["first"] = (
            Batch.objects.filter(campaign=campaign).order_by("pk")[:1].get().pk
        )
        newest = SendResult.objects.order_by("-pk").values_list("pk", flat=True)
        given["low"] = (newest.first() or 0) + 1
        cursor.execute(_RESULTS, given)
        given["high"] = newest.first()
        cursor.execute(_COUNTS, given)
        cursor.execute(_ATTEMPTS, given)
        account.cum += cursor.rowcount
        cursor.execute(_LATEST, given)
    account.remaining_credits = 50_000_000
    account.save()
    campaign.first_result_id, campaign.last_result_id = given["low"], given["high"]
    campaign.status = CampaignStatus.FINISHED
    if is_sending:
        # Paused, so that the newest page of it is no moving target.
        campaign.status = CampaignStatus.PAUSED
    else:
        campaign.finished_at = start + timedelta(seconds=0.6 * batches)
    campaign.save()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.fill", description=__doc__)
    parser.add_argument("--results", type=int, default=10_000_000)
    parser.add_argument(
        "--contacts", type=int, default=0, help="a tenth of them, if not given"
    )
    parser.add_argument(
        "--own-texts", type=int, default=OWN_TEXTS, help="batches of one person"
    )
    given = parser.parse_args()
    if "DATABASE_URL" not in os.environ:
        parser.error("DATABASE_URL must name an empty PostgreSQL database")
    with stopwatch() as watch:
        fill(os.environ["DATABASE_URL"], given.results, given.contacts, given.own_texts)
    say(f"{watch.wall:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
