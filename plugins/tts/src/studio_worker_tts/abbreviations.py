"""English abbreviations whose dot ends no sentence, and what they are read as."""

from __future__ import annotations

TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "messrs": "messers", "dr": "doctor",
    "prof": "professor", "st": "saint", "rev": "reverend", "hon": "honourable",
    "gen": "general", "col": "colonel", "capt": "captain", "lt": "lieutenant",
    "sgt": "sergeant", "sen": "senator", "rep": "representative", "gov": "governor",
    "pres": "president", "mt": "mount", "ft": "fort",
    "ph.d": "p h d", "u.s": "u s", "u.k": "u k",
}  # fmt: skip
"""Before a name: what follows the dot goes on, also with a capital."""

SHORT = {
    "e.g": "for example", "i.e": "that is", "etc": "et cetera", "vs": "versus",
    "approx": "approximately", "no": "number", "nos": "numbers", "fig": "figure",
    "vol": "volume", "ch": "chapter", "pp": "pages", "ca": "circa", "cf": "compare",
    "est": "established", "max": "maximum", "min": "minimum", "avg": "average",
    "dept": "department", "univ": "university", "assn": "association", "bros": "brothers",
    "inc": "incorporated", "ltd": "limited", "corp": "corporation", "co": "company",
    "jr": "junior", "sr": "senior", "ave": "avenue", "blvd": "boulevard", "rd": "road",
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june",
    "jul": "july", "aug": "august", "sep": "september", "sept": "september",
    "oct": "october", "nov": "november", "dec": "december", "mon": "monday",
    "tue": "tuesday", "tues": "tuesday", "wed": "wednesday", "thu": "thursday",
    "thur": "thursday", "thurs": "thursday", "fri": "friday", "a.m": "a m", "p.m": "p m",
    "al": "al", "p": "page", "hr": "hour",
    "hrs": "hours", "sec": "seconds", "ext": "extension", "tel": "telephone",
    "misc": "miscellaneous", "incl": "including", "excl": "excluding",
}  # fmt: skip
"""Read so with a dot behind; a capital after it begins a sentence."""
