"""What made-up people say: everyday talk in fourteen languages. ``{thing}`` is filled from the language's own list."""

from typing import NamedTuple


class Talk(NamedTuple):
    """One language's everyday talk: how often it is spoken (in parts), sentences with ``{thing}``, things, closings."""

    parts: int
    sentences: tuple[str, ...]
    things: tuple[str, ...]
    closings: tuple[str, ...]


TALK: dict[str, Talk] = {
    "en": Talk(
        38,
        (
            "Has anyone tried the new {thing} yet?",
            "I finally finished {thing} and it was worth the wait.",
            "Can someone explain how {thing} works on an older phone?",
            "Honestly, {thing} is better than last year.",
            "We met at {thing} and talked for three hours.",
            "Selling {thing}, hardly used, pick-up only.",
            "My daughter drew {thing} at school today.",
            "Two stars: {thing} arrived late and the box was open.",
            "Looking for a second player for {thing} tonight.",
            "Here is the recipe for {thing} you asked for.",
            "The part about {thing} in your post is not quite right.",
            "Thanks for the tip about {thing}!",
            'They called it "{thing}", and nobody laughed.',
        ),
        (
            "the coffee grinder",
            "that museum in Leeds",
            "the spring update",
            "sourdough bread",
            "my grandfather's bike",
            "the chess club",
            "the 7:40 train",
            "episode four",
            "the garden shed",
            "a mechanical keyboard",
        ),
        ("", "Cheers.", "What do you think?", "More tomorrow.", ":)", "Edit: typo.", "🙂", "No rush."),
    ),
    "es": Talk(
        11,
        (
            "¿Alguien ha probado {thing}?",
            "Ayer vi {thing} y me encantó.",
            "Busco {thing} de segunda mano en Sevilla.",
            "Gracias por la receta de {thing}.",
            "No entiendo por qué {thing} tarda tanto.",
            "Mañana quedamos para {thing}.",
        ),
        ("la tortilla", "el partido del domingo", "la bicicleta", "el concierto", "esa serie", "el mercado"),
        ("", "¡Un saludo!", "Ya os contaré.", "¿Qué opináis?", "😄"),
    ),
    "pt": Talk(
        8,
        (
            "Alguém já experimentou {thing}?",
            "Hoje comprei {thing} na feira.",
            "Adorei {thing}, recomendo muito.",
            "Vocês sabem quando abre {thing}?",
            "O trem atrasou e perdi {thing}.",
        ),
        ("o pão de queijo", "a exposição", "o jogo de ontem", "aquele livro", "a oficina"),
        ("", "Abraços!", "Valeu.", "Até amanhã.", "🙂"),
    ),
    "de": Talk(
        8,
        (
            "Hat jemand schon {thing} ausprobiert?",
            "Gestern war {thing} richtig gut.",
            "Ich suche {thing} für meine Schwester.",
            "Danke für den Hinweis auf {thing}!",
            "Leider ist {thing} heute ausgefallen.",
            "Wo gibt es {thing} in Köln?",
        ),
        ("das neue Rezept", "die Straßenbahn", "den Schachabend", "die Gartenschere", "das Hörbuch", "die Prüfung"),
        ("", "Viele Grüße", "Bis morgen.", "Was meint ihr?", "Schöne Woche!"),
    ),
    "fr": Talk(
        7,
        (
            "Quelqu'un connaît {thing} ?",
            "J'ai adoré {thing} hier soir.",
            "Je cherche {thing} près de Lyon.",
            "Merci pour {thing}, c'était délicieux.",
            "Pourquoi {thing} est toujours en retard ?",
        ),
        ("la tarte aux pommes", "le marché", "ce roman", "le train de 8 h", "l'atelier vélo"),
        ("", "Bonne journée !", "À demain.", "Qu'en pensez-vous ?", "Bises"),
    ),
    "it": Talk(
        4,
        ("Qualcuno ha visto {thing}?", "Ieri {thing} era stupendo.", "Cerco {thing} a Torino.", "Grazie per {thing}!"),
        ("la mostra", "il film di ieri", "la ricetta del ragù", "il corso di nuoto"),
        ("", "Ciao a tutti!", "A domani.", "Che ne dite?"),
    ),
    "nl": Talk(
        3,
        ("Heeft iemand {thing} al geprobeerd?", "Gisteren was {thing} erg leuk.", "Wie gaat er mee naar {thing}?"),
        ("de markt", "het nieuwe café", "de fietstocht", "die serie"),
        ("", "Groetjes!", "Tot morgen.", "Gezellig!"),
    ),
    "pl": Talk(
        4,
        (
            "Czy ktoś już próbował {thing}?",
            "Wczoraj {thing} było świetne.",
            "Szukam {thing} w Krakowie.",
            "Dziękuję za {thing}!",
        ),
        ("ciasto śliwkowe", "to muzeum", "ćwiczenia z matematyki", "miejsce na rower"),
        ("", "Pozdrawiam!", "Do jutra.", "Co myślicie?"),
    ),
    "tr": Talk(
        4,
        (
            "{thing} hakkında ne düşünüyorsunuz?",
            "Dün {thing} çok güzeldi.",
            "İzmir'de {thing} arıyorum.",
            "{thing} için teşekkürler!",
        ),
        ("yeni sergi", "ıspanaklı börek", "bu dizi", "akşamki maç"),
        ("", "İyi günler!", "Yarın görüşürüz.", "🙂"),
    ),
    "zh": Talk(
        4,
        ("有人试过{thing}吗？", "昨天的{thing}真不错。", "请问{thing}几点开门？", "谢谢你推荐的{thing}！"),
        ("新开的面馆", "博物馆", "那本小说", "周末的比赛", "自行车店"),
        ("", "明天见。", "大家怎么看？", "哈哈"),
    ),
    "ja": Talk(
        3,
        ("{thing}を試した人はいますか？", "昨日の{thing}、とても良かったです。", "{thing}のおすすめを教えてください。"),
        ("新しいカフェ", "展覧会", "週末の試合", "あの小説"),
        ("", "よろしくお願いします。", "また明日。", "笑"),
    ),
    "ko": Talk(
        2,
        ("{thing} 써 보신 분 있나요?", "어제 {thing} 정말 좋았어요.", "{thing} 추천해 주세요."),
        ("새 카페", "전시회", "주말 경기", "그 소설"),
        ("", "감사합니다.", "내일 봐요.", "ㅎㅎ"),
    ),
    "ar": Talk(
        2,
        ("هل جرب أحد {thing}؟", "كان {thing} رائعًا أمس.", "أبحث عن {thing} في عمّان.", "شكرًا على {thing}!"),
        ("المقهى الجديد", "المعرض", "هذا الكتاب", "درس الطبخ"),
        ("", "مع السلامة.", "ما رأيكم؟", "إلى الغد."),
    ),
    "hi": Talk(
        2,
        ("क्या किसी ने {thing} देखा है?", "कल {thing} बहुत अच्छा था।", "{thing} के लिए धन्यवाद!"),
        ("नया कैफ़े", "वह किताब", "रविवार का मैच", "प्रदर्शनी"),
        ("", "नमस्ते!", "कल मिलते हैं।"),
    ),
}

SURFACES = ("chat", "comment", "post", "profile", "review", "listing", "live_chat", "forum")
SURFACE_PARTS = (30, 26, 16, 4, 9, 6, 6, 3)
