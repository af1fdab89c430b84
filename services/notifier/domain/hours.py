"""A person's own time: their zone and their hours of silence."""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


def quiet_until(quiet: tuple[time, time] | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """End of the quiet hours that `now` falls into, or None outside them."""
    if quiet is None:
        return None
    start, end = quiet
    local = now.astimezone(zone)
    clock = local.time()
    is_quiet = start <= clock < end if start <= end else clock >= start or clock < end
    if not is_quiet:
        return None
    day = local.date() if clock < end else local.date() + timedelta(days=1)
    until = datetime.combine(day, end, zone)
    if until.astimezone(UTC) <= now:
        # The hour that clocks going back repeat: the end meant is the one still ahead.
        until = until.replace(fold=1)
    return until.astimezone(UTC)


def zone_of(wished: str | None, directory: str) -> ZoneInfo:
    return _known_zone(wished) or _known_zone(directory) or ZoneInfo("UTC")


@lru_cache(maxsize=1024)
def _known_zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):  # not a zone, or a path that tries to leave the zones' folder
        return None
