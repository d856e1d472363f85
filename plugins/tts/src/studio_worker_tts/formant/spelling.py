"""English spelling to phonemes, by rules and a short list of exceptions.

Phonemes are ARPAbet symbols without stress marks. The rules get common words right and
stay intelligible on the rest; they are no dictionary.
"""

from __future__ import annotations

import re

from studio_worker_tts.formant.numbers import in_words

Spoken = tuple[str, ...]
"""The phonemes of one word."""

_EXCEPTIONS = {
    "a": "AH", "the": "DH AH", "of": "AH V", "to": "T UW", "two": "T UW", "too": "T UW",
    "do": "D UW", "who": "HH UW", "you": "Y UW", "your": "Y AO R", "i": "AY", "my": "M AY",
    "one": "W AH N", "once": "W AH N S", "are": "AA R", "was": "W AH Z", "is": "IH Z",
    "his": "HH IH Z", "as": "AE Z", "has": "HH AE Z", "have": "HH AE V", "what": "W AH T",
    "were": "W ER", "where": "W EH R", "there": "DH EH R", "their": "DH EH R",
    "they": "DH EY", "said": "S EH D", "says": "S EH Z", "some": "S AH M", "come": "K AH M",
    "done": "D AH N", "from": "F R AH M", "people": "P IY P AH L", "because": "B IH K AH Z",
    "this": "DH IH S", "that": "DH AE T", "these": "DH IY Z", "those": "DH OW Z",
    "then": "DH EH N", "than": "DH AE N", "with": "W IH DH", "be": "B IY", "he": "HH IY",
    "she": "SH IY", "we": "W IY", "me": "M IY", "go": "G OW", "no": "N OW", "so": "S OW",
    "hello": "HH AH L OW", "world": "W ER L D", "word": "W ER D", "work": "W ER K",
    "worker": "W ER K ER", "great": "G R EY T", "give": "G IH V", "live": "L IH V",
    "love": "L AH V", "move": "M UW V", "very": "V EH R IY", "any": "EH N IY",
    "many": "M EH N IY", "again": "AH G EH N", "eye": "AY", "could": "K UH D",
    "would": "W UH D", "should": "SH UH D", "put": "P UH T", "full": "F UH L",
    "good": "G UH D", "book": "B UH K", "look": "L UH K", "blood": "B L AH D",
    "four": "F AO R", "eight": "EY T", "image": "IH M IH JH", "studio": "S T UW D IY OW",
}  # fmt: skip

_VOWEL = "[aeiouy]"
_CONSONANT = "[b-df-hj-np-tv-xz]"

# (letters, what must come before, what must come after, phonemes); the first that fits wins.
_RULES: tuple[tuple[str, str, str, str], ...] = (
    ("tion", "", "", "SH AH N"), ("sion", _VOWEL, "", "ZH AH N"), ("sion", "", "", "SH AH N"),
    ("ture", "", "", "CH ER"), ("ough", "", "t", "AO"), ("ough", "", "", "OW"),
    ("augh", "", "", "AO"), ("eigh", "", "", "EY"), ("igh", "", "", "AY"),
    ("tch", "", "", "CH"), ("dge", "", "", "JH"), ("ing", _CONSONANT, "$", "IH NG"),
    ("ear", "", _CONSONANT, "ER"), ("ear", "", "", "IH R"), ("air", "", "", "EH R"),
    ("our", "", "", "AO R"), ("ire", "", "$", "AY ER"), ("are", "", "$", "EH R"),
    ("ore", "", "", "AO R"), ("ure", "", "$", "Y UH R"), ("eer", "", "", "IH R"),
    ("que", "", "$", "K"), ("sch", "", "", "S K"), ("sci", "", "", "S AY"),
    ("ous", "", "$", "AH S"), ("all", "", "", "AO L"), ("ind", "", "$", "AY N D"),
    ("old", "", "", "OW L D"), ("wh", "", "", "W"), ("wr", "^", "", "R"), ("kn", "^", "", "N"),
    ("gn", "^", "", "N"), ("ps", "^", "", "S"), ("ch", "", "r", "K"), ("ch", "", "", "CH"),
    ("sh", "", "", "SH"), ("th", "", "er", "DH"), ("th", "", "", "TH"), ("ph", "", "", "F"),
    ("gh", "^", "", "G"), ("gh", "", "", ""), ("ck", "", "", "K"), ("ng", "", "$", "NG"),
    ("nk", "", "", "NG K"), ("qu", "", "", "K W"), ("mb", "", "$", "M"), ("ai", "", "", "EY"),
    ("ay", "", "", "EY"), ("au", "", "", "AO"), ("aw", "", "", "AO"), ("ee", "", "", "IY"),
    ("ea", "", "d", "EH"), ("ea", "", "", "IY"), ("ei", "c", "", "IY"), ("ei", "", "", "EY"),
    ("ew", "", "", "UW"), ("ey", "", "$", "IY"), ("ie", "", "$", "AY"), ("ie", "", "", "IY"),
    ("oa", "", "", "OW"), ("oi", "", "", "OY"), ("oy", "", "", "OY"), ("oo", "", "", "UW"),
    ("ou", "", "", "AW"), ("ow", "", "$", "OW"), ("ow", "", "", "AW"), ("ue", "", "", "UW"),
    ("ui", "", "", "UW"), ("ar", "", "", "AA R"), ("er", "", "", "ER"), ("ir", "", "", "ER"),
    ("ur", "", "", "ER"), ("or", "w", "", "ER"), ("or", "", "", "AO R"),
    ("ed", "[td]", "$", "IH D"), ("ed", "[pkfsx]", "$", "T"), ("ed", _CONSONANT, "$", "D"),
    ("es", "[sxz]", "$", "IH Z"), ("le", _CONSONANT, "$", "AH L"),
    ("a", "", f"{_CONSONANT}e", "EY"), ("er", "n", "a", "ER"), ("e", "", f"{_CONSONANT}e$", "IY"),
    ("i", "", f"{_CONSONANT}e", "AY"),
    ("o", "", f"{_CONSONANT}e", "OW"), ("u", "", f"{_CONSONANT}e", "UW"),
    ("a", "w", "", "AA"), ("a", "", "$", "AH"), ("a", "", "", "AE"), ("e", ".", "$", ""),
    ("e", "", "", "EH"), ("i", "", "$", "IY"), ("i", "", "o", "IY"), ("i", "", "", "IH"),
    ("o", "", "$", "OW"), ("o", "", "", "AA"), ("u", "", "", "AH"), ("y", "^", "", "Y"),
    ("y", "^.", "$", "AY"), ("y", "^..", "$", "AY"), ("y", "", "$", "IY"), ("y", "", "", "IH"),
    ("c", "", "[eiy]", "S"), ("c", "", "", "K"), ("g", "", "[eiy]", "JH"), ("g", "", "", "G"),
    ("s", "[bdgvlmnrwaeiou]", "$", "Z"), ("s", "[aeiou]", "[aeiou]", "Z"), ("s", "", "", "S"),
    ("x", "^", "", "Z"), ("x", "", "", "K S"), ("b", "", "", "B"), ("d", "", "", "D"),
    ("f", "", "", "F"), ("h", "", _VOWEL, "HH"), ("h", "", "", ""), ("j", "", "", "JH"),
    ("k", "", "", "K"), ("l", "", "", "L"), ("m", "", "", "M"), ("n", "", "", "N"),
    ("p", "", "", "P"), ("q", "", "", "K"), ("r", "", "", "R"), ("t", "", "", "T"),
    ("v", "", "", "V"), ("w", "", "", "W"), ("z", "", "", "Z"),
)  # fmt: skip

_BY_FIRST: dict[str, list[tuple[str, re.Pattern[str], re.Pattern[str], Spoken]]] = {}
for _letters, _before, _after, _sounds in _RULES:
    # The end of what came before, and the start of what comes after, must fit.
    _BY_FIRST.setdefault(_letters[0], []).append(
        (
            _letters,
            re.compile(f"(?:{_before})$" if _before else ""),
            re.compile(f"(?:{_after})" if _after else ""),
            tuple(_sounds.split()),
        )
    )

_TOKEN = re.compile(r"[a-z']+|\d+(?:\.\d+)?")
_FOLDED = str.maketrans("àáâãäåçèéêëìíîïñòóôõöùúûüýÿß’", "aaaaaaceeeeiiiinooooouuuuyys'")


def words_of(text: str) -> list[str]:
    """The words to say: lower case, numbers spelled out, signs dropped."""
    words: list[str] = []
    for token in _TOKEN.findall(text.lower().translate(_FOLDED)):
        words += in_words(token) if token[0].isdigit() else [token.replace("'", "")]
    return [word for word in words if word]


def phonemes_of(word: str) -> Spoken:
    """The phonemes of one lower-case word."""
    if word in _EXCEPTIONS:
        return tuple(_EXCEPTIONS[word].split())
    if len(word) == 1 or not re.search(_VOWEL, word):
        return _spelled(word)
    sounds: list[str] = []
    position = 0
    doubled = False
    while position < len(word):
        letters, found = _match(word, position)
        # Doubled letters are one sound; more of them are drawn out.
        doubled = not doubled and bool(sounds) and found == (sounds[-1],)
        if not doubled:
            sounds += found
        position += letters
    return tuple(sounds) or _spelled(word)


def _spelled(word: str) -> Spoken:
    return tuple(sound for letter in word for sound in _LETTER_NAMES[letter].split())


def _match(word: str, position: int) -> tuple[int, Spoken]:
    for letters, before, after, sounds in _BY_FIRST.get(word[position], ()):
        end = position + len(letters)
        if (
            word.startswith(letters, position)
            and before.search(word[:position])
            and after.match(word[end:])
        ):
            return len(letters), sounds
    return 1, ()


_LETTER_NAMES = {
    "a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "Y UW", "y": "W AY",
    "b": "B IY", "c": "S IY", "d": "D IY", "f": "EH F", "g": "JH IY", "h": "EY CH",
    "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "p": "P IY",
    "q": "K Y UW", "r": "AA R", "s": "EH S", "t": "T IY", "v": "V IY", "w": "D AH B AH L Y UW",
    "x": "EH K S", "z": "Z IY",
}  # fmt: skip
