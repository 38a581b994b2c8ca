"""Whether a message may leave at once: the part of the gates that a claim looks at."""

from dispatcher.domain.breakers import RAMP_SECONDS

GATED_BY = """
LEFT JOIN dispatch.sender s ON s.channel_id = r.channel_id LEFT JOIN dispatch.host h ON h.name = s.host
"""

GATED = f"""
coalesce(s.per_second IS NOT NULL OR s.paused_at IS NOT NULL OR s.cause IS NOT NULL OR s.held_until > now()
         OR s.ramp_from > now() - interval '{RAMP_SECONDS} seconds' OR h.cause IS NOT NULL
         OR h.ramp_from > now() - interval '{RAMP_SECONDS} seconds', false)
"""
"""Over the rows that GATED_BY finds for a request `r`: what is gated waits for the scheduler, which spends its turn."""
