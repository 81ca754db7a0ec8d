"""Numbers in a text, read exactly by a stated grammar; what does not fit it is no number.

    sign       - or + or U+2212, before or after a currency sign
    currency   $ € £ ¥ before the digits
    digits     1234 or 1,234,567 (also with a thin or no-break space), .5, 12.50
    exponent   e or E and a whole number: 1.5e-3
    fraction   3/4, 3 / 4, and with a whole number before a proper one: 1 1/2
    percent    50% is 1/2

A run of digits with `,` `.` `/` `:` or `-` in any other way (1,2; 1.2.3; 10:30; 2021-03-04; 1/0), or with a space
before three digits (1 000), is no number, and nor is one that follows a letter (x2, GPT-4). A full stop or comma that
ends a clause does not belong to the number.
"""

from __future__ import annotations

import re
from fractions import Fraction

GROUP = "[,\u2009\u202f\u00a0]"
DIGITS = rf"(?:[0-9]{{1,3}}(?:{GROUP}[0-9]{{3}})+|[0-9]+)"
SIGN = "[-+\u2212]"
MONEY = "[$€£¥]"
# A run: everything that could belong to one number, well-formed or not.
RUN = re.compile(
    rf"(?:{SIGN}?{MONEY}?|{MONEY}?{SIGN}?)(?:\.?[0-9])(?:[0-9]|[,.:/\u2009\u202f\u00a0](?=[0-9])|{SIGN}(?=[0-9])|"
    rf"[eE]{SIGN}?(?=[0-9])|(?<=[0-9]) ?/ ?(?=[0-9])|(?<=[0-9]) (?=[0-9]+ ?/ ?[0-9]|[0-9]{{3}}(?![0-9])))*(?: ?%)?"
)
NUMBER = re.compile(
    rf"(?P<sign>{SIGN}?){MONEY}?(?P<late>{SIGN}?)"
    rf"(?:(?:(?P<whole>[0-9]+) )?(?P<over>{DIGITS}) ?/ ?(?P<under>{DIGITS})"
    rf"|(?P<digits>{DIGITS})?(?:\.(?P<decimals>[0-9]+))?(?:[eE](?P<exponent>{SIGN}?[0-9]{{1,3}}))?)(?P<percent> ?%)?"
)
LONGEST = 1000
"""Characters up to which a run is read as a number."""


def parse_number(text: str) -> Fraction | None:
    """The exact value of a text that is one number and nothing else; None for every other text."""
    found = NUMBER.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None or (found["sign"] and found["late"]):
        return None
    if not (found["over"] or found["digits"] or found["decimals"]):
        return None
    if found["over"]:
        over, under, whole = (_whole(found[part] or "0") for part in ("over", "under", "whole"))
        if under == 0 or (found["whole"] and over >= under):
            return None
        value = whole + Fraction(over, under)
    else:
        decimals = found["decimals"] or ""
        value = Fraction(_whole((found["digits"] or "0") + decimals), 10 ** len(decimals))
        value *= Fraction(10) ** int((found["exponent"] or "0").replace("\u2212", "-"))
    if found["percent"]:
        value /= 100
    return -value if (found["sign"] or found["late"]) in ("-", "\u2212") and value else value


def last_number(text: str) -> Fraction | None:
    """The last number of a text; None where there is none, or where the last run of digits is no number."""
    last: re.Match[str] | None = None
    for run in RUN.finditer(text):
        if not _in_a_word(text, run):
            last = run
    return parse_number(last[0]) if last else None


def spell_numbers(text: str) -> str:
    """The text with each run of digits as a word that only the same number has, without punctuation.

    >>> spell_numbers("-1.5 km"), spell_numbers("1,000"), spell_numbers("10:30")
    (' minus3over2  km', ' 1000 ', ' 10x3ax30 ')
    """

    def word(run: re.Match[str]) -> str:
        if _in_a_word(text, run):
            return run[0]
        value = parse_number(run[0])
        if value is None:
            return f" {''.join(c if c.isalnum() else f'x{ord(c):x}x' for c in run[0])} "
        sign = "minus" if value < 0 else ""
        return f" {sign}{abs(value.numerator)}{f'over{value.denominator}' * (value.denominator > 1)} "

    return RUN.sub(word, text)


def _in_a_word(text: str, run: re.Match[str]) -> bool:
    """Whether a run continues a word: x2, H2O, GPT-4."""
    before = text[: run.start()][-1:]
    return (before.isalnum() or before == "_") and run[0][0] not in "$€£¥"


def _whole(digits: str) -> int:
    return int(re.sub(GROUP, "", digits))
