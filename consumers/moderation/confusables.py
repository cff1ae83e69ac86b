"""Characters that are read as a Latin letter, each with that letter. One to one, so that folding keeps positions.

Lower case only: texts are case-folded first, so letters that look alike only as capitals (Cyrillic В, Greek Η) stand
here in their lower-case form.
"""

LEET: dict[str, str] = {
    "0": "o",
    "1": "i",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "@": "a",
    "$": "s",
    "|": "l",
}
"""Digits and signs used for letters. ``!`` is not among them: it stands for an i only before a letter."""

JOINING = "-_."
"""Signs that may stand for the space between two words."""

_ALIKE = {
    # Cyrillic, then Armenian and Greek
    "a": "аα",
    "b": "вЬьβ",
    "c": "сϲ",
    "d": "ԁ",
    "e": "еєεҽ",
    "g": "ց",
    "h": "нһհη",
    "i": "іıɩι",
    "j": "јϳ",
    "k": "кκ",
    "l": "ӏǀ",
    "m": "м",
    "n": "пո",
    "o": "оοօס०০",
    "p": "рρ",
    "q": "ԛզ",
    "r": "гᴦ",
    "s": "ѕ",
    "t": "тτ",
    "u": "υս",
    "v": "ѵν",
    "w": "ԝшωա",
    "x": "хχ",
    "y": "уγү",
    "z": "ᴢʐ",
}
_RARE = {
    # Latin letters of phonetics and old print, then Cherokee, Canadian syllables, Lisu, Coptic, Lycian and the like: in
    # a word with Latin letters they stand for the letter that they look like.
    "a": "ɑ⍺Ꭺᗅꓮ𐊠𖽀",
    "b": "ƅꞵᏏᏴᑲᖯᗷꓐ𐊡𐊂𐌁",
    "c": "ᏟꓚⲥⳐ𐐽𐊢𐌂𐔜🝌",
    "d": "ᎠᏧᑯᗞᗪꓒꓓ",
    "e": "ꬲᎬꓰⴹ𐊆℮⋿",
    "f": "ꬵꞙẝᖴꓝϝ𐊇𐊥𐔥",
    "g": "ɡᶃƍᏀᏳꓖԍ",
    "h": "ᏂᎻᕼꓧⲏ𐋏",
    "i": "⍳ꙇᎥ",
    "j": "Ꭻᒍꓙ",
    "k": "ᏦꓗⲕᛕĸӃ𐔘",
    "l": "Ꮮᒪꓡⳑⵏᛁꓲ𐊊𐌉",
    "m": "Ꮇᗰꓟⲙϻᛖμ𐊰𐌑",
    "n": "ꓠⲛռ𐔓",
    "o": "ⲟⵔ𐐬𐊫𐊒𐔖ഠ",
    "p": "⍴ᏢᑭꓑⲣꝒ𐊕",
    "q": "ⵕգ",
    "r": "ᎡᏒᖇꓣꭇꭈ𖼵",
    "s": "ᏚꓢꚂƽ𐑈𐊖տ",
    "t": "ᎢꓔⲧƬ𐊗𐊱𐌕",
    "u": "ꓴᑌʋ",
    "v": "Ꮩᐯꓦⴸ𐔝",
    "w": "ᎳᏔꓪѡɯ",
    "x": "ꓫⲭⵝᚷ𐊴𐊐𐌗𐌢᙮",
    "y": "ᎩᎽꓬⲩɣ𐊲ỿ",
    "z": "ᏃꓜȤ",
}
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏ", "abcdefghijklmnoprstuvwy", strict=True))
_CURRENCY = {"€": "e", "£": "l", "¢": "c", "¥": "y", "₽": "p", "₩": "w"}
_STROKED = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ƀ": "b", "ɨ": "i", "ʉ": "u", "ƶ": "z", "ð": "d"}
_PUNCTUATION = {
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u02b9\u2032", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043", "-"),
}
DECORATED = {
    **{chr(first + at): chr(ord("a") + at) for first in (0x1F150, 0x1F170) for at in range(26)},
    **_SMALL_CAPITALS,
    **_PUNCTUATION,
}
"""Letters in a box or a circle and small capitals, which are no other script's, and the apostrophes and dashes that
keyboards write: each with the plain character, which it is read as everywhere."""
_BOXED = {
    chr(first + offset): chr(ord("a") + offset)
    for first in (
        0x1F130,
        0x1F150,
        0x1F170,
        0x1F1E6,
    )  # squared, circled, boxed, flags
    for offset in range(26)
}

CONFUSABLES: dict[str, str] = {
    **{character: letter for letter, characters in _ALIKE.items() for character in characters},
    **{character: letter for letter, characters in _RARE.items() for character in characters.casefold()},
    **_SMALL_CAPITALS,
    **_STROKED,
    **_CURRENCY,
    **_BOXED,
}
"""Letters of other scripts and decorated letters, each with the Latin letter it is read as."""

VARIANTS: dict[str, str] = {
    **dict.fromkeys("أإآٱ", "ا"),
    "ى": "ي",
    "ی": "ي",
    "ئ": "ي",
    "ؤ": "و",
    "ة": "ه",
    "ک": "ك",
    "ё": "e",
}
"""Letters that people write for one another in Arabic, Persian and Russian, each with the one that stands for both."""
