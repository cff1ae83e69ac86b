"""Which languages a text may be written in, guessed from its script, its commonest words and its rarest letters.

Asked only where a word of some language was found and the event names none, so that most texts do not cost it. It says
nothing rather than something wrong: a text of three words may be of any language.
"""

import unicodedata
from collections import Counter, defaultdict

_MOST = 2000
"""Characters that are looked at."""

_MEMO_LIMIT = 20_000
"""Distinct characters that are remembered; far more than any language has, and a bound on memory."""
_ASCII_WORDS = bytes(code if chr(code).isalpha() or code == 0x27 else 0x20 for code in range(128)) + b" " * 128

_COMMON = {
    "en": (
        "the and is are was were you your i'm it's that this with for have has had not but what they he she his "
        "her of to my me we can will just like so if would about do don't did does be been on go as at an from "
        "there their when who why how all out up get got no yes i a in it or by one more some than then them only "
        "also because now know think want really please thanks good any into could should"
    ),
    "es": (
        "el la los las un una que de y en es no se lo le por con para como pero más este esta estoy muy su mi tu "
        "te si sí ya todo cuando qué está son del al hay porque yo él ella nos bien hoy vez eso ser tiene fue era "
        "han ese esa tengo quiero hacer usted gracias también nada algo sin sobre hasta donde desde"
    ),
    "pt": (
        "o a os as um uma que de e em é não se por com para como mas mais este esta estou muito seu sua meu minha "
        "te já tudo quando está são do da dos das no na nos nas ao à tem foi era você vc eu ele ela isso bem hoje "
        "vez ser também nada sem sobre até onde porque pra tá pelo pela essa esse gente"
    ),
    "fr": (
        "le la les un une des de du et en est pas que qui ne je tu il elle nous vous ils se ce cette ces pour avec "
        "sur dans mais plus au aux son sa ses mon ma mes ton ta tes c'est j'ai n'est qu'il d'un sont être avoir "
        "fait tout tous bien très si comme on ou où y leur même aussi quand sans quoi oui non merci suis ai as es "
        "ont était"
    ),
    "de": (
        "der die das und ist nicht ich du er sie es wir ihr ein eine einen einem einer mit auf für von zu den dem "
        "des im in an auch so wie was wenn aber noch nur schon mal bei nach aus sind war hat haben habe kann wird "
        "werden man mich dich sich mir dir uns euch mein dein sein kein keine hier da dass oder sehr mehr doch "
        "immer wieder heute"
    ),
    "it": (
        "il lo la i gli le un una di che è e non si per con come ma più questo questa sono sei sto mi ti ci vi ne "
        "del della dei delle dal nel nella al alla anche se molto tutto quando cosa chi io lui lei noi voi loro ho "
        "hai ha hanno era fatto fare bene oggi perché così solo poi c'è mio tuo suo sempre ancora già"
    ),
    "nl": (
        "de het een en is niet ik je jij hij zij ze we wij jullie van in op met voor te dat die dit er maar ook "
        "als wat wie nog wel geen om aan bij naar door uit zijn was heb hebt heeft hebben kan kunnen moet moeten "
        "wil mijn jouw ons hun hem haar mij hoe dan zo nu hier daar al meer veel omdat worden wordt echt gewoon "
        "goed"
    ),
    "pl": (
        "i w na nie się że to jest z do jak co ale po tak o za od czy ja ty on ona my wy oni mnie cię mi ci go jej "
        "ich jego być są był była było mam masz ma będzie tylko już jeszcze bo dla przez tym tej ten ta te tego "
        "tych który która które kiedy gdzie bardzo wszystko może żeby ze też jestem jesteś dzisiaj"
    ),
    "tr": (
        "bir ve bu da de için ne çok ben sen o biz siz onlar var yok değil mi mı mu gibi daha ama kadar her şey şu "
        "olan olarak ile bana sana ona beni seni onu benim senin onun nasıl neden niye evet hayır iyi güzel şimdi "
        "sonra önce hiç en ki diye ya oldu olur olsun ediyor yapıyor gün bugün artık"
    ),
    "id": (
        "yang dan di ke dari ini itu tidak ada dengan untuk saya aku kamu dia kami kita mereka akan bisa sudah "
        "belum juga karena apa siapa kenapa gak nggak ga enggak yg aja saja kalau kalo lagi banget sama lebih "
        "sangat orang jadi tapi atau pada dalam oleh seperti sekarang nya kok dong sih udah mau punya lu gue gua"
    ),
    "vi": (
        "là và của có không các cho một người được này đó với những khi đã thì mà ở tôi mày tao nó mình em anh chị "
        "bạn cũng như để ra vào lên đi rồi còn sao gì nào thế vậy nhưng nếu bị làm quá nhiều hay cái con ông bà "
        "nhìn biết nói nên chỉ đang sẽ trong từ về"
    ),
    "ro": (
        "și si în de la cu pe nu că este sunt un o să sa a al ai ale din pentru mai ce care cum dar eu tu el ea "
        "noi voi ei am are au fi fost asta acest această când unde foarte tot toate bine azi acum doar după fără "
        "lui îi mi te se ne vă le sau dacă pentru până prin decât ca ce"
    ),
    "sv": (
        "och att det som en är på för med inte jag du han hon vi ni de den ett har av till om så men var från kan "
        "ska vill hade sig mig dig honom henne oss er dem min din sin mycket bara här där när hur vad vem varför "
        "också eller nu då alla hej idag blir blev varit"
    ),
    "da": (
        "og at det som en er på for med ikke jeg du han hun vi i de den et har af til om så men var fra kan skal "
        "vil havde sig mig dig ham hende os jer dem min din sin meget bare her der når hvor hvad hvem hvorfor også "
        "eller nu da alle hej bliver blev været noget nogle"
    ),
    "no": (
        "og at det som en er på for med ikke jeg du han hun vi dere de den et har av til om så men var fra kan "
        "skal vil hadde seg meg deg ham henne oss dem min din sin mye bare her der når hvor hva hvem hvorfor også "
        "eller nå da alle hei blir ble vært noe noen"
    ),
    "fi": (
        "ja on ei se että en hän minä sinä me te he ne tämä tuo mitä mikä kuka miksi kun jos niin kuin mutta tai "
        "myös vain nyt sitten oli ovat ole olen olet mun sun mä sä siis vielä jo aina todella kaikki mukaan joka "
        "jotka pitää voi hyvä kiitos tänään ihan"
    ),
    "cs": (
        "a se v na že je to s z do jak ale po tak o za od i já ty on ona my vy oni mě tě mi ti ho jí jich jeho být "
        "jsou byl byla bylo mám máš má bude jen už ještě protože pro tím ten ta ty toho který která které kdy kde "
        "velmi všechno může aby jsem jsi dnes není když nebo jsme si"
    ),
    "hu": (
        "a az és nem hogy is egy van volt meg de ha ez csak már még mint én te ő mi ti ők nekem neked neki minden "
        "nagyon most itt ott mert vagy kell lehet sem el ki be le fel jó igen miért mikor hol aki ami lesz vagyok "
        "vagy"
    ),
    "hi": (
        "hai hain ka ki ke ko nahi nahin kya tu tum mera meri mere tera teri tere bhai aur se ho raha rahe rahi "
        "kar karo jo ye yeh wo woh bhi toh koi apna apne apni sab kuch abhi kyun kyu main mujhe tujhe unka iska "
        "gaya gayi kaise kab jab tab kaha yahan hum log accha acha"
    ),
    "ar": (
        "wa fi min 3ala ana enta enti inta inti huwa hiya mesh mish msh mush la2 aywa ya3ni yani wallah walla "
        "inshallah 7abibi habibi kifak shu shou leh laish ma3 hada hayda keda kda"
    ),
    "fil": (
        "ang ng mga sa na ay at hindi ako ikaw siya kami tayo sila ko mo niya ito iyan yan yung lang din rin naman "
        "po opo kasi para may wala ba pa talaga bakit ano sino"
    ),
}
"""The commonest words of languages in Latin letters, Hindi and Arabic as they are typed among them."""

_LETTERS = {
    "ß": ("de",), "ñ": ("es",), "¿": ("es",), "¡": ("es",), "ã": ("pt", "vi"), "õ": ("pt", "vi"), "ł": ("pl",),
    "ą": ("pl",), "ę": ("pl",),
    "ż": ("pl",), "ź": ("pl",), "ś": ("pl",), "ğ": ("tr",), "ı": ("tr",), "ş": ("tr", "ro"), "ș": ("ro",),
    "ț": ("ro",), "ţ": ("ro",),
    "ă": ("ro", "vi"), "å": ("sv", "da", "no"), "ø": ("da", "no"), "æ": ("da", "no"), "đ": ("vi",), "ơ": ("vi",),
    "ư": ("vi",),
    "ő": ("hu",), "ű": ("hu",), "ř": ("cs",), "ě": ("cs",), "ů": ("cs",), "œ": ("fr",), "ê": ("fr", "pt", "vi"),
    "è": ("fr", "it"),
    "ù": ("fr", "it", "vi"), "ò": ("it", "vi"), "ì": ("it", "vi"), "ä": ("de", "sv", "fi"),
    "ö": ("de", "sv", "fi", "tr", "hu"), "ü": ("de", "tr", "hu"),
    "ç": ("pt", "fr", "tr"), "é": ("fr", "es", "pt", "it", "hu", "cs"), "í": ("es", "pt", "hu", "cs"),
    "ó": ("es", "pt", "pl", "hu"),
    "ế": ("vi",), "ạ": ("vi",), "ả": ("vi",), "ộ": ("vi",), "ấ": ("vi",), "ầ": ("vi",), "ị": ("vi",), "ọ": ("vi",),
    "ủ": ("vi",), "ụ": ("vi",),
    "ồ": ("vi",), "ờ": ("vi",), "ữ": ("vi",), "ậ": ("vi",), "ể": ("vi",), "ệ": ("vi",), "ố": ("vi",), "ớ": ("vi",),
}  # fmt: skip
_SCRIPTS = (
    (0x0900, 0x097F, "hi"), (0x0980, 0x09FF, "bn"), (0x0E00, 0x0E7F, "th"), (0x0590, 0x05FF, "he"),
    (0x0370, 0x03FF, "el"),
    (0x3040, 0x30FF, "ja"), (0xAC00, 0xD7AF, "ko"), (0x3130, 0x318F, "ko"), (0x10A0, 0x10FF, "ka"),
    (0x0530, 0x058F, "hy"),
    (0x0B80, 0x0BFF, "ta"), (0x0C00, 0x0C7F, "te"), (0x0A00, 0x0A7F, "pa"), (0x0A80, 0x0AFF, "gu"),
)  # fmt: skip


def _weights() -> dict[str, dict[str, float]]:
    shared = Counter(word for words in _COMMON.values() for word in set(words.split()))
    return {
        word: {language: 1.0 / count for language, words in _COMMON.items() if word in words.split()}
        for word, count in shared.items()
    }


_WEIGHTS: dict[str, dict[str, float]] = {}


class _LettersOnly(dict[int, int]):
    """For ``str.translate``: letters and marks stay, all else becomes a space. No expression is needed for that, which
    costs ten times as much."""

    def __missing__(self, code: int) -> int:
        if len(self) >= _MEMO_LIMIT:
            self.clear()
        kept = code == 0x27 or unicodedata.category(chr(code))[0] in "LM"
        self[code] = code if kept else 0x20
        return self[code]


_LETTERS_ONLY = _LettersOnly()


def _words(text: str) -> list[str]:
    """The runs of letters, marks and apostrophes.

    >>> _words("don't, gräßlich")
    ["don't", 'gräßlich']
    """
    if text.isascii():
        return text.encode("ascii").translate(_ASCII_WORDS).decode("ascii").split()
    return text.translate(_LETTERS_ONLY).split()


def ranked_languages(plain: str) -> tuple[str, ...]:
    """The primary subtags of the languages that a text may be of, the likeliest first; empty when it says too little.

    Args:
        plain: the text's plain form.

    >>> ranked_languages("estoy débil hoy"), ranked_languages("bike pedal"), ranked_languages("ты где")
    (('es',), (), ('ru',))
    """
    text = plain[:_MOST]
    if not text.isascii() and (languages := _by_script(text)) is not None:
        return languages
    if not _WEIGHTS:
        _WEIGHTS.update(_weights())
    scores: defaultdict[str, float] = defaultdict(float)
    for word in _words(text):
        if (weights := _WEIGHTS.get(word)) is not None:
            for language, weight in weights.items():
                scores[language] += weight
    if not text.isascii():
        for letter in set(text) & _LETTERS.keys():
            for language in _LETTERS[letter]:
                scores[language] += 0.9 / len(_LETTERS[letter])
    best = max(scores.values(), default=0.0)
    if best < _LEAST:
        return ()
    near = [(-score, language) for language, score in scores.items() if score >= _NEAR * best]
    return tuple(language for _, language in sorted(near))


def likely_languages(plain: str) -> frozenset[str]:
    """Those of :func:`ranked_languages`, as a set.

    >>> sorted(likely_languages("estoy débil hoy"))
    ['es']
    """
    return frozenset(ranked_languages(plain))


_LEAST = 0.9
"""One word of one language only, nearly."""
_NEAR = 0.6


def _by_script(text: str) -> tuple[str, ...] | None:
    """The languages of the script that most letters are of, where a script says that much."""
    counted: Counter[str] = Counter()
    for character in text:
        code = ord(character)
        if code < 0x250:
            if character.isalpha():
                counted["latin"] += 1
        elif 0x400 <= code <= 0x52F:
            counted["cyrillic"] += 1
        elif 0x600 <= code <= 0x6FF:
            counted["arabic"] += 1
        elif 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF:
            counted["han"] += 1
        else:
            for first, last, language in _SCRIPTS:
                if first <= code <= last:
                    counted[language] += 1
                    break
    if not counted:
        return None
    if counted["ja"] and (counted["ja"] + counted["han"]) * 2 > counted["latin"]:
        return ("ja",)
    script, count = counted.most_common(1)[0]
    if script == "latin" and any(counted[one] * 2 > count for one in ("han", "ko", "th", "arabic", "hi", "cyrillic")):
        script = counted.most_common(2)[1][0]
    if script == "latin":
        return None
    if script == "cyrillic":
        if any(letter in text for letter in "іїєґ"):
            return ("uk",)
        return ("ru",) if any(letter in text for letter in "ыэъё") else ("ru", "uk")
    if script == "arabic":
        if any(letter in text for letter in "پچژگ"):
            return ("fa",)
        return ("ar", "fa") if any(letter in text for letter in "کی") else ("ar",)
    return ("zh",) if script == "han" else (script,)
