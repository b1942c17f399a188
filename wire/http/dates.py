"""HTTP dates (RFC 9110 5.6.7): written as IMF-fixdate, read in all three forms.

Dates are POSIX seconds; no clock is read here.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import datetime
from email.utils import formatdate
from functools import lru_cache

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"[A-Z][a-z][a-z], (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        rf"[A-Z][a-z]{{5,8}}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        rf"[A-Z][a-z][a-z] {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
_LEAP_SECOND = 60


def format_date(seconds: float) -> str:
    """Return the IMF-fixdate of `seconds`, cut to the whole second."""
    return _format(int(seconds))


@lru_cache(maxsize=256)
def _format(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


@lru_cache(maxsize=256)
def parse_date(text: str) -> int | None:
    """Return the POSIX seconds of an HTTP date, or None if it is not one.

    Case does not count, as RFC 9111 4.2 asks of caches. A two-digit year is read as POSIX does:
    69-99 as 19xx, 00-68 as 20xx.
    """
    for form in _FORMS:
        if match := form.fullmatch(text):
            return _seconds(match)
    return None


def _seconds(match: re.Match[str]) -> int | None:
    year, day, hour, minute, second = (
        int(match[name]) for name in ("year", "day", "hour", "minute", "second")
    )
    if len(match["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    try:
        month = _MONTHS.index(match["month"].capitalize()) + 1
        whole = datetime(year, month, day, hour, minute, min(second, 59))
    except ValueError:
        return None
    if second > _LEAP_SECOND:
        return None
    return timegm(whole.timetuple()) + max(0, second - 59)
