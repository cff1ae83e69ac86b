"""Attacks on groups of people: what is one, what only has its words, and what it costs to look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.lexicons import LANGUAGES
from consumers.moderation.detectors.relations.analysis import Relations
from consumers.moderation.detectors.relations.lexicon import entries, lexicon
from consumers.moderation.kinds import RELATION_KINDS
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy, PolicyError

POLICY = """
id = "relations"
[labels.hate]
flag = 0.4
""" + "".join(
    f"""
[[relations]]
rule = "{kind}"
label = "hate"
kinds = ["{kind}"]
"""
    for kind in RELATION_KINDS
)
MODERATOR = Moderator(Policy.load(POLICY))

ATTACKS = [
    ("en", "I really can't stand immigrants."),
    ("en", "All I feel for women is hate."),
    ("en", "How I despise gays, every single one of them!"),
    ("en", "Disabled people are worthless and pathetic."),
    ("en", "Trans people are nothing but freaks."),
    ("en", "Immigrants are filthy liars"),
    ("en", "Jews are a plague on this planet"),
    ("en", "Muslims are like rats, they spread everywhere."),
    ("en", "Black people belong in a zoo"),
    ("en", "A woman is worth less than a dog"),
    ("en", "I am going to burn every mosque and all muslims in it"),
    ("en", "If I see one more refugee I will beat them up"),
    ("en", "Let's round up all the gays and shoot them"),
    ("en", "Somebody should gas the disabled"),
    ("en", "Immigrants must be deported at once"),
    ("en", "Women ought to be slapped when they talk back"),
    ("en", "Trans people have no right to exist"),
    ("en", "Gays should never be allowed to raise kids"),
    ("en", "Fuck all muslims"),
    ("en", "Fuck those goddamn immigrants"),
    ("en", "I met some Muslims today. They should all drop dead."),
    ("en", "There are so many gays in this street and I hate them all."),
    ("en", "My new colleagues are disabled. Such people make me sick."),
    ("en", "Black people do not deserve any respect."),
    ("en", "Nobody would ever want to be friends with a trans person, they're not human."),
    ("en", "Why do we allow immigrants to breathe?"),
    ("en", "If you ask me, women are just stupid."),
    ("en", "I honestly believe that gay people are disgusting."),
    ("en", "imm1grants are scum"),
    ("en", "wmoen are dumb as hell"),
    ("en", "gaypeople are vermin"),
    ("en", "Black peple are criminals"),
    ("en", "I haaaate immigrants so much"),
    ("en", "dis@bled ppl are useless"),
    ("de", "Ich kann Ausländer einfach nicht ausstehen."),
    ("de", "Frauen sind dumm."),
    ("de", "Schwule sind Abschaum und widerlich."),
    ("de", "Juden sind wie Ratten."),
    ("de", "Muslime sind Ungeziefer"),
    ("de", "Man sollte alle Flüchtlinge erschießen."),
    ("de", "Ich werde alle Schwarzen umbringen"),
    ("de", "Behinderte haben kein Recht zu leben"),
    ("de", "Transmenschen sollten eingesperrt werden."),
    ("de", "Verdammte Muslime!"),
    ("de", "Neben mir wohnen Schwule. Die gehören alle vergast."),
    ("de", "Frauen verdienen keinen Respekt."),
    ("de", "Gibt es etwas Ekelhafteres als Schwule?"),
    ("de", "Meiner Meinung nach sind Behinderte wertlos."),
    ("de", "Fick alle Ausländer"),
    ("de", "Ich hasse diese scheiß Schwuchteln"),
    ("es", "No soporto a los inmigrantes."),
    ("es", "Las mujeres son estúpidas."),
    ("es", "Los gays me dan asco."),
    ("es", "Los judíos son ratas."),
    ("es", "Los musulmanes son una plaga."),
    ("es", "Hay que matar a todos los negros."),
    ("es", "Voy a quemar a todos los moros"),
    ("es", "Los discapacitados no merecen vivir."),
    ("es", "Habría que deportar a todos los refugiados."),
    ("es", "Malditos inmigrantes"),
    ("es", "Vi a unos trans en el metro. Ojalá se mueran todos."),
    ("es", "Las mujeres no merecen ningún respeto."),
    ("es", "¿Hay algo más asqueroso que un homosexual?"),
    ("es", "En mi opinión los discapacitados no sirven para nada."),
    ("es", "Que se jodan los inmigrantes"),
    ("fr", "Je déteste les immigrés."),
    ("fr", "Les femmes sont stupides."),
    ("fr", "Les homosexuels me dégoûtent."),
    ("fr", "Les juifs sont des rats."),
    ("fr", "Les musulmans sont un fléau."),
    ("fr", "Il faut tuer tous les noirs."),
    ("fr", "Je vais brûler tous les arabes"),
    ("fr", "Les handicapés ne méritent pas de vivre."),
    ("fr", "On devrait expulser tous les réfugiés."),
    ("fr", "Putain de trans"),
    ("fr", "Il y a des gays dans mon immeuble. Qu'ils crèvent tous."),
    ("fr", "Les femmes ne méritent aucun respect."),
    ("fr", "À mon avis les handicapés ne servent à rien, ils sont inutiles."),
    ("fr", "Nique les musulmans"),
    ("it", "Odio gli immigrati."),
    ("it", "Le donne sono stupide."),
    ("it", "I gay mi fanno schifo."),
    ("it", "Gli ebrei sono ratti."),
    ("it", "I musulmani sono una piaga."),
    ("it", "Bisogna ammazzare tutti i negri."),
    ("it", "I disabili non meritano di vivere."),
    ("it", "Dovremmo espellere tutti i rifugiati."),
    ("it", "Maledetti zingari"),
    ("it", "Le donne non meritano rispetto."),
    ("it", "C'è qualcosa di più schifoso di un omosessuale?"),
    ("it", "Secondo me i disabili sono inutili."),
    ("it", "Vaffanculo agli immigrati"),
    ("nl", "Ik haat immigranten."),
    ("nl", "Vrouwen zijn dom."),
    ("nl", "Ik walg van homo's."),
    ("nl", "Joden zijn ratten."),
    ("nl", "Moslims zijn een plaag."),
    ("nl", "Alle zwarte mensen moeten dood."),
    ("nl", "Gehandicapten verdienen het niet om te leven."),
    ("nl", "We moeten alle vluchtelingen het land uit zetten."),
    ("nl", "Vrouwen verdienen geen respect."),
    ("nl", "Naar mijn mening zijn gehandicapten nutteloos."),
    ("nl", "Fuck alle moslims"),
    ("pl", "Nienawidzę imigrantów."),
    ("pl", "Kobiety są głupie."),
    ("pl", "Brzydzę się gejami."),
    ("pl", "Żydzi to szczury."),
    ("pl", "Muzułmanie to zaraza."),
    ("pl", "Trzeba zabić wszystkich czarnych."),
    ("pl", "Niepełnosprawni nie zasługują na życie."),
    ("pl", "Powinniśmy deportować wszystkich uchodźców."),
    ("pl", "Pierdoleni geje"),
    ("pl", "Kobiety nie zasługują na szacunek."),
    ("pl", "Moim zdaniem niepełnosprawni są bezużyteczni."),
    ("pl", "Jebać muzułmanów"),
    ("pt", "Odeio imigrantes."),
    ("pt", "As mulheres são burras."),
    ("pt", "Os gays me dão nojo."),
    ("pt", "Os judeus são ratos."),
    ("pt", "Os muçulmanos são uma praga."),
    ("pt", "Tem que matar todos os negros."),
    ("pt", "Os deficientes não merecem viver."),
    ("pt", "Deveríamos deportar todos os refugiados."),
    ("pt", "Malditos imigrantes"),
    ("pt", "As mulheres não merecem respeito."),
    ("pt", "Na minha opinião os deficientes são inúteis."),
    ("pt", "Fodam-se os muçulmanos"),
    ("ar", "أكره المهاجرين"),
    ("ar", "النساء غبيات"),
    ("ar", "المثليون مقرفون"),
    ("ar", "اليهود جرذان"),
    ("ar", "المسلمون وباء"),
    ("ar", "يجب قتل كل السود"),
    ("ar", "المعاقون لا يستحقون الحياة"),
    ("ar", "يجب طرد جميع اللاجئين"),
    ("ar", "لعنة الله على الشيعة"),
    ("ar", "النساء لا يستحقن الاحترام"),
    ("ar", "برأيي المعاقون بلا فائدة"),
    ("hi", "मुझे औरतों से नफरत है"),
    ("hi", "औरतें बेवकूफ होती हैं"),
    ("hi", "समलैंगिक घिनौने हैं"),
    ("hi", "मुसलमान कीड़े हैं"),
    ("hi", "यहूदी चूहे हैं"),
    ("hi", "सभी मुसलमानों को मार देना चाहिए"),
    ("hi", "विकलांगों को जीने का कोई अधिकार नहीं"),
    ("hi", "सारे शरणार्थियों को देश से बाहर निकालो"),
    ("hi", "दलित गंदे होते हैं"),
    ("hi", "औरतें इज्जत के लायक नहीं हैं"),
    ("hi", "मेरी राय में विकलांग बेकार हैं"),
    ("zh", "我讨厌移民"),
    ("zh", "女人很蠢"),
    ("zh", "同性恋真恶心"),
    ("zh", "犹太人是老鼠"),
    ("zh", "穆斯林是瘟疫"),
    ("zh", "应该杀光所有黑人"),
    ("zh", "残疾人不配活着"),
    ("zh", "应该把难民都赶出去"),
    ("zh", "去他妈的穆斯林"),
    ("zh", "女人不值得尊重"),
    ("zh", "我觉得残疾人都没用"),
    ("en", "I hate 👳🏿"),
    ("en", "👩🏿‍🦱 are 🐒"),
    ("en", "all 🏳️‍🌈 people should 💀"),
    ("en", "I want to 🔫 every muslim"),
    ("en", "muslims are 🐖🐖"),
    ("en", "immigrants = 🗑️"),
    ("en", "women 🤮"),
    ("en", "kill all 🧕"),
    ("en", "send the 🧕 back where they came from"),
    ("en", "jews are 🐍"),
    ("en", "I will 🔪 gays"),
    ("en", "trans people make me 🤢"),
    ("en", "🖕 all immigrants"),
    ("en", "♿ people are a burden"),
    ("en", "I'd love to see black people ☠️"),
    ("en", "gay people are 💩"),
    ("en", "I h a t e  all  m u s l i m s"),
]
NONE = [
    ("en", "I really can't stand broccoli."),
    ("en", "I don't hate women at all."),
    ("en", "Nobody should ever hate immigrants."),
    ("en", "Muslims are not terrorists."),
    ("en", "No trans person should have to die like this."),
    ("en", '"Women are stupid" is what he said, and it\'s disgusting.'),
    ("en", "People who say that gays should be killed are monsters."),
    ("en", 'You can\'t just say "immigrants are scum" and expect applause'),
    ("en", "It is plain racism to call black people animals."),
    ("en", "I love women"),
    ("en", "Being gay is completely normal."),
    ("en", "There are some disabled people in my class."),
    ("en", "Two muslims moved in next door."),
    ("en", "Trans people deserve all our respect."),
    ("en", "We need to protect immigrants from violence"),
    ("en", "Black people are beautiful"),
    ("en", "You are disgusting and worthless."),
    ("en", "All politicians are vermin"),
    ("en", "Bankers should be shot"),
    ("en", "This movie is fucking awesome"),
    ("en", "I fucking hate mondays"),
    ("en", "We should burn all these old papers"),
    ("en", "as a gay man I can say we're all a bit crazy"),
    ("en", "As a black woman I hate how they treat us."),
    ("en", "My queer friends and I are total freaks lol"),
    ("en", "Hating women is wrong."),
    ("de", "Ich hasse Frauen nicht."),
    ("de", "Ich liebe Frauen."),
    ("de", "Muslime sind keine Terroristen."),
    ("de", "Schwul zu sein ist völlig normal."),
    ("de", "Wer sagt, dass Juden Ratten sind, ist ein Antisemit."),
    ("de", '"Frauen sind dumm" zu sagen ist widerlich.'),
    ("de", "Ich hasse Spinat."),
    ("de", "Du bist ein Idiot."),
    ("de", "Alle Banker sollten eingesperrt werden."),
    ("de", "Flüchtlinge verdienen unseren Schutz."),
    ("de", "In meiner Straße wohnen viele Muslime."),
    ("de", "Niemand sollte Behinderte hassen."),
    ("de", "Als schwuler Mann bin ich manchmal echt blöd."),
    ("es", "No odio a las mujeres."),
    ("es", "Amo a las mujeres."),
    ("es", "Los musulmanes no son terroristas."),
    ("es", "Ser gay es completamente normal."),
    ("es", "Quien dice que los judíos son ratas es un racista."),
    ("es", 'Decir "las mujeres son estúpidas" es asqueroso.'),
    ("es", "Odio las espinacas."),
    ("es", "Eres un idiota."),
    ("es", "Todos los banqueros deberían morir."),
    ("es", "Los refugiados merecen nuestra ayuda."),
    ("es", "En mi calle viven muchos musulmanes."),
    ("es", "Nadie debería odiar a los inmigrantes."),
    ("es", "Como mujer trans a veces soy muy tonta."),
    ("fr", "Je ne déteste pas les femmes."),
    ("fr", "J'aime les femmes."),
    ("fr", "Les musulmans ne sont pas des terroristes."),
    ("fr", "Être gay est tout à fait normal."),
    ("fr", "Ceux qui disent que les juifs sont des rats sont racistes."),
    ("fr", "Dire « les femmes sont stupides » est inacceptable."),
    ("fr", "Je déteste les épinards."),
    ("fr", "Tu es un idiot."),
    ("fr", "Tous les banquiers devraient mourir."),
    ("fr", "Les réfugiés méritent notre aide."),
    ("fr", "Beaucoup de musulmans habitent ma rue."),
    ("fr", "Personne ne devrait détester les immigrés."),
    ("it", "Non odio le donne."),
    ("it", "Amo le donne."),
    ("it", "I musulmani non sono terroristi."),
    ("it", "Essere gay è normale."),
    ("it", "Chi dice che gli ebrei sono ratti è un razzista."),
    ("it", 'Dire "le donne sono stupide" è inaccettabile.'),
    ("it", "Odio gli spinaci."),
    ("it", "Sei un idiota."),
    ("it", "Tutti i banchieri dovrebbero morire."),
    ("it", "I rifugiati meritano il nostro aiuto."),
    ("it", "Nella mia via abitano molti musulmani."),
    ("nl", "Ik haat vrouwen niet."),
    ("nl", "Ik hou van vrouwen."),
    ("nl", "Moslims zijn geen terroristen."),
    ("nl", "Homo zijn is volkomen normaal."),
    ("nl", "Wie zegt dat joden ratten zijn is een racist."),
    ("nl", '"Vrouwen zijn dom" zeggen is walgelijk.'),
    ("nl", "Ik haat spinazie."),
    ("nl", "Je bent een idioot."),
    ("nl", "Alle bankiers moeten dood."),
    ("nl", "Vluchtelingen verdienen onze hulp."),
    ("nl", "In mijn straat wonen veel moslims."),
    ("pl", "Nie nienawidzę kobiet."),
    ("pl", "Kocham kobiety."),
    ("pl", "Muzułmanie nie są terrorystami."),
    ("pl", "Bycie gejem jest zupełnie normalne."),
    ("pl", "Kto mówi, że Żydzi to szczury, jest rasistą."),
    ("pl", 'Mówienie "kobiety są głupie" jest obrzydliwe.'),
    ("pl", "Nienawidzę szpinaku."),
    ("pl", "Jesteś idiotą."),
    ("pl", "Wszyscy bankierzy powinni umrzeć."),
    ("pl", "Uchodźcy zasługują na naszą pomoc."),
    ("pl", "Na mojej ulicy mieszka wielu muzułmanów."),
    ("pt", "Eu não odeio mulheres."),
    ("pt", "Eu amo mulheres."),
    ("pt", "Os muçulmanos não são terroristas."),
    ("pt", "Ser gay é totalmente normal."),
    ("pt", "Quem diz que os judeus são ratos é racista."),
    ("pt", 'Dizer "as mulheres são burras" é nojento.'),
    ("pt", "Odeio espinafre."),
    ("pt", "Você é um idiota."),
    ("pt", "Todos os banqueiros deveriam morrer."),
    ("pt", "Os refugiados merecem nossa ajuda."),
    ("pt", "Na minha rua moram muitos muçulmanos."),
    ("ar", "أنا لا أكره النساء"),
    ("ar", "أحب النساء"),
    ("ar", "المسلمون ليسوا إرهابيين"),
    ("ar", "من الطبيعي أن تكون مثليا"),
    ("ar", "من يقول إن اليهود جرذان عنصري"),
    ("ar", 'القول بأن "النساء غبيات" أمر مرفوض'),
    ("ar", "أكره السبانخ"),
    ("ar", "أنت غبي"),
    ("ar", "اللاجئون يستحقون مساعدتنا"),
    ("ar", "يعيش في شارعنا كثير من المسلمين"),
    ("hi", "मुझे औरतों से नफरत नहीं है"),
    ("hi", "मुझे औरतें पसंद हैं"),
    ("hi", "मुसलमान आतंकवादी नहीं हैं"),
    ("hi", "समलैंगिक होना सामान्य है"),
    ("hi", "जो लोग कहते हैं कि यहूदी चूहे हैं वे नस्लवादी हैं"),
    ("hi", '"औरतें बेवकूफ होती हैं" कहना गलत है'),
    ("hi", "मुझे पालक से नफरत है"),
    ("hi", "तुम बेवकूफ हो"),
    ("hi", "शरणार्थी हमारी मदद के हकदार हैं"),
    ("hi", "मेरी गली में बहुत से मुसलमान रहते हैं"),
    ("zh", "我不讨厌女人"),
    ("zh", "我爱女人"),
    ("zh", "穆斯林不是恐怖分子"),
    ("zh", "同性恋是很正常的"),
    ("zh", "说犹太人是老鼠的人是种族主义者"),
    ("zh", "说“女人很蠢”是不可接受的"),
    ("zh", "我讨厌菠菜"),
    ("zh", "你是个白痴"),
    ("zh", "难民值得我们的帮助"),
    ("zh", "我住的街上有很多穆斯林"),
    ("en", "I love 👳🏿"),
    ("en", "👩🏿‍🦱 are beautiful"),
    ("en", "🏳️‍🌈 pride ❤️"),
    ("en", "I don't hate 🧕"),
    ("en", "muslims ❤️"),
    ("en", "you are 🐖"),
    ("en", "I hate 🍕"),
    ("en", "proud to be ♿"),
    ("en", "cute 🐒 at the zoo"),
    ("en", "women 💪"),
    ("en", "let's 🔥 this party"),
    ("en", "black people are 👑"),
    ("en", "no 🧕 deserves to 💀"),
    ("en", "saying 🏳️‍🌈 people are 🐖 is homophobic"),
    ("en", "the 🔪 is sharp"),
]


def score(text: str, language: str | None) -> float:
    return max((one.score for one in MODERATOR.judge(text, surface="comment", language=language).signals), default=0.0)


@pytest.mark.parametrize(("language", "text"), ATTACKS)
def test_an_attack_on_a_group_is_found(language: str, text: str) -> None:
    assert MODERATOR.judge(text, surface="comment", language=language).decision.action == "flag"


@pytest.mark.parametrize(("language", "text"), NONE)
def test_what_is_denied_quoted_kind_or_about_something_else_is_no_attack(language: str, text: str) -> None:
    assert MODERATOR.judge(text, surface="comment", language=language).decision.action == "allow"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I can't stand immigrants", "contempt"),
        ("women are stupid", "derogation"),
        ("jews are rats", "dehumanisation"),
        ("gays must not be allowed to marry", "exclusion"),
        ("refugees should be shot", "violence"),
    ],
)
def test_a_signal_names_the_kind_of_attack(text: str, kind: str) -> None:
    signals = MODERATOR.judge(text, surface="comment", language="en").signals
    assert max(signals, key=lambda one: one.score).rule == kind
    assert {one.detector for one in signals} == {"relations"}


def test_a_score_is_graded() -> None:
    strong, weak, none = (score(text, "en") for text in ("kill all gays", "gays are weak", "gays are here"))
    assert strong > weak > none == 0.0


def test_words_of_another_language_than_the_text_do_not_count() -> None:
    assert score("Frauen sind dumm", "de") > 0.4
    assert score("Frauen sind dumm", None) > 0.4
    assert score("Frauen sind dumm", "fr") == 0.0


def test_at_most_caps_a_score_and_at_least_silences_it() -> None:
    capped = Moderator(Policy.load(POLICY.replace('kinds = ["violence"]', 'kinds = ["violence"]\nat_most = 0.5')))
    [signal] = capped.judge("kill all gays", surface="comment", language="en").signals
    assert signal.score == 0.5
    silent = Moderator(Policy.load(POLICY.replace('kinds = ["violence"]', 'kinds = ["violence"]\nat_least = 0.99')))
    assert silent.judge("kill all gays", surface="comment", language="en").signals == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('kinds = ["violence"]', 'kinds = ["violent"]', "did you mean 'violence'?"),
        ('kinds = ["violence"]', "kinds = []", "kinds"),
        ('kinds = ["violence"]', 'kinds = ["violence"]\nat_least = 0.5\nat_most = 0.2', "allowed: at_least <= at_most"),
        ('label = "hate"', 'label = "hatred"', "did you mean 'hate'?"),
    ],
)
def test_a_mistake_in_a_rule_is_named(old: str, new: str, told: str) -> None:
    with pytest.raises(PolicyError, match=r"relations\[") as raised:
        Policy.load(POLICY.replace(old, new))
    assert told in str(raised.value)


def test_what_is_allowed_does_not_count() -> None:
    allow = '[[allow]]\nrule = "song"\nterms = ["kill all gays"]\n'
    moderator = Moderator(Policy.load(POLICY + allow))
    assert moderator.judge("the play kill all gays opens", surface="comment", language="en").signals == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_every_list_can_be_found(language: str) -> None:
    found = list(entries(language))
    assert {entry.role for entry in found} >= {"group", "they", "hostile", "positive", "negation", "counter", "self"}
    assert {entry.kind for entry in found if entry.role == "hostile"} == set(RELATION_KINDS)
    assert all(entry.text.strip() == entry.text and "*" not in entry.text and entry.text for entry in found)
    assert all(0 < entry.weight <= 2 for entry in found)


@given(st.text(max_size=200), st.sampled_from(LANGUAGES))
def test_any_text_gives_scores_between_nothing_and_certainty(text: str, language: str) -> None:
    scores = Relations(lexicon(language), language).scores(normalise("women " + text).folded)
    assert scores.keys() <= set(RELATION_KINDS)
    assert all(0 < value <= 0.95 for value in scores.values())
