"""Signs, currencies and units as English words."""

from __future__ import annotations

SIGNS = {
    "%": "percent", "‰": "per mille", "&": "and", "@": "at", "#": "hash", "+": "plus",
    "=": "equals", "<": "less than", ">": "greater than", "±": "plus or minus",
    "×": "times", "÷": "divided by", "≈": "about", "≠": "not equal to",
    "≤": "less than or equal to", "≥": "greater than or equal to", "−": "minus",
    "°": "degrees", "℃": "degrees celsius", "℉": "degrees fahrenheit", "²": "squared",
    "³": "cubed", "√": "square root of", "∞": "infinity", "§": "section",
    "©": "copyright", "®": "registered", "™": "trademark", "№": "number", "~": "tilde",
    "^": "caret", "|": "bar", "/": "slash", "\\": "backslash", "*": "star", "µ": "micro",
    "†": "dagger", "‡": "double dagger",
    "→": "right arrow", "←": "left arrow", "↑": "up arrow", "↓": "down arrow",
    "✓": "check mark", "✗": "cross mark", "★": "star", "☆": "star", "♥": "heart",
    "❤": "heart", "♪": "note", "☺": "smiling face",
}  # fmt: skip
"""Anything else that is no letter is called by its Unicode name."""

CURRENCIES = {
    "$": ("dollar", "dollars", "cents"), "€": ("euro", "euros", "cents"),
    "£": ("pound", "pounds", "pence"), "¥": ("yen", "yen", ""),
    "₹": ("rupee", "rupees", "paise"), "₽": ("ruble", "rubles", "kopecks"),
    "₩": ("won", "won", ""), "¢": ("cent", "cents", ""), "₿": ("bitcoin", "bitcoins", ""),
    "₺": ("lira", "liras", "kurush"), "₴": ("hryvnia", "hryvnias", "kopecks"),
    "₪": ("shekel", "shekels", "agorot"), "₫": ("dong", "dong", ""),
    "₱": ("peso", "pesos", "centavos"), "฿": ("baht", "baht", "satang"),
}  # fmt: skip
"""One, several, and hundredths of it; without hundredths a decimal point is read."""

UNITS = {
    "µm": ("micrometre", "micrometres"), "μm": ("micrometre", "micrometres"),
    "µs": ("microsecond", "microseconds"), "μs": ("microsecond", "microseconds"),
    "ω": ("ohm", "ohms"), "kω": ("kilohm", "kilohms"),
    "mm": ("millimetre", "millimetres"), "cm": ("centimetre", "centimetres"),
    "m": ("metre", "metres"), "km": ("kilometre", "kilometres"), "in": ("inch", "inches"),
    "ft": ("foot", "feet"), "mi": ("mile", "miles"), "mg": ("milligram", "milligrams"),
    "g": ("gram", "grams"), "kg": ("kilogram", "kilograms"), "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "ml": ("millilitre", "millilitres"),
    "l": ("litre", "litres"), "ms": ("millisecond", "milliseconds"),
    "s": ("second", "seconds"), "min": ("minute", "minutes"), "h": ("hour", "hours"),
    "hz": ("hertz", "hertz"), "khz": ("kilohertz", "kilohertz"),
    "mhz": ("megahertz", "megahertz"), "ghz": ("gigahertz", "gigahertz"),
    "kb": ("kilobyte", "kilobytes"), "mb": ("megabyte", "megabytes"),
    "gb": ("gigabyte", "gigabytes"), "tb": ("terabyte", "terabytes"),
    "w": ("watt", "watts"), "kw": ("kilowatt", "kilowatts"),
    "kwh": ("kilowatt hour", "kilowatt hours"), "v": ("volt", "volts"),
    "mph": ("mile per hour", "miles per hour"), "km/h": ("kilometre per hour",
    "kilometres per hour"), "kmh": ("kilometre per hour", "kilometres per hour"),
    "m/s": ("metre per second", "metres per second"), "px": ("pixel", "pixels"),
    "°c": ("degree celsius", "degrees celsius"), "°f": ("degree fahrenheit",
    "degrees fahrenheit"), "°": ("degree", "degrees"), "m²": ("square metre", "square metres"),
    "km²": ("square kilometre", "square kilometres"), "m³": ("cubic metre", "cubic metres"),
}  # fmt: skip
"""Behind a number: for one, and for any other number."""

FRACTIONS = {"½": "one half", "¼": "one quarter", "¾": "three quarters", "⅓": "one third",
             "⅔": "two thirds", "⅛": "one eighth"}  # fmt: skip

LIGATURES = {"ß": "ss", "æ": "ae", "œ": "oe", "ð": "th", "þ": "th", "ı": "i", "ŋ": "ng",
             "ĳ": "ij", "ə": "uh", "ſ": "s"}  # fmt: skip
