"""What moderation is there for, in the languages of the talk: data for tests and demos, and none of it is meant.

Each text is one that a platform would act on. ``{token}`` makes a link unique; the fields of ``personal`` are filled
with addresses and numbers that are reserved for examples.
"""

from typing import NamedTuple


class Harm(NamedTuple):
    """One language's texts to act on, by kind."""

    insult: tuple[str, ...]
    profanity: tuple[str, ...]
    hate: tuple[str, ...]
    threat: tuple[str, ...]
    spam: tuple[str, ...]
    personal: tuple[str, ...]


HARM: dict[str, Harm] = {
    "en": Harm(
        (
            "you idiot, read the question first",
            "What a moron. Did you even look at it?",
            "stupid loser, nobody asked you",
            "Shut up, you idiot",
            "only a complete moron would pay for that",
            "you are such a stupid loser",
            "go away, you pathetic clown",
        ),
        ("this fucking update broke everything", "what a load of bullshit", "holy shit, not again"),
        ("all immigrants are vermin", "women are too stupid to vote", "muslims are animals, get rid of them"),
        (
            "i will hurt you if you post that again",
            "I know where you live and I will kill you",
            "keep talking and i will break your legs",
        ),
        (
            "Limited offer, click now: https://deals.example.com/{token}",
            "Free crypto giveaway! Send 0.1, get 0.2 back: https://coin.example.org/{token}",
            "work from home $$$ no experience needed https://jobs.example.com/{token}",
            "Buy followers cheap, 10,000 for $9, instant delivery",
            "Congratulations, you have been selected! Claim your prize at https://prize.example.com/{token}",
            "Cheap meds no prescription, ships worldwide https://pills.example.net/{token}",
            "check out my channel and subscribe please https://videos.example.com/{token}",
            "100% guaranteed profit, join our signals group https://t.example.org/{token}",
        ),
        (
            "Write to me at {email}, I answer within a day.",
            "My number is {phone}, call after six.",
            "Please refund it to card {card}, thanks.",
            "Transfer the deposit to {iban} and send me a note.",
            "It is {email} or {phone}, whichever you like.",
        ),
    ),
    "es": Harm(
        ("eres un idiota", "qué imbécil eres", "cállate, estúpido", "menudo gilipollas"),
        ("menuda mierda de actualización", "joder, otra vez no", "vete a la mierda"),
        ("los inmigrantes son basura", "todas las mujeres son inferiores"),
        ("te voy a matar", "sé dónde vives y te voy a partir la cara"),
        ("gana dinero rápido desde casa https://deals.example.com/{token}", "compra seguidores, oferta limitada"),
        ("Escríbeme a {email}, contesto hoy.", "Haz la transferencia a {iban}, gracias."),
    ),
    "pt": Harm(
        ("você é um idiota", "que imbecil", "cala a boca, burro", "seu otário"),
        ("que merda de atualização", "porra, de novo não", "vai se foder"),
        ("os imigrantes são lixo", "as mulheres são inferiores"),
        ("eu vou te matar", "sei onde você mora e vou te quebrar"),
        ("ganhe dinheiro rápido https://deals.example.com/{token}", "compre seguidores, renda extra garantida"),
        ("Escreve para {email}, respondo hoje.", "Manda o sinal para {iban}, obrigado."),
    ),
    "de": Harm(
        ("du bist so ein Idiot", "halt die Klappe, du Vollidiot", "so ein Arschloch", "du dumme Sau"),
        ("so eine Scheiße, schon wieder kaputt", "verdammte Scheiße", "leck mich am Arsch"),
        ("Ausländer sind Ungeziefer", "alle Flüchtlinge sind Dreck"),
        ("ich bringe dich um", "ich weiß, wo du wohnst, und ich werde dich umbringen"),
        ("schnell Geld verdienen: https://deals.example.com/{token}", "Follower kaufen, nur heute gratis"),
        ("Schreib mir an {email}, ich antworte heute.", "Bitte an {iban} überweisen, danke."),
    ),
    "fr": Harm(
        ("tu es un idiot", "quel connard", "ferme-la, imbécile", "espèce de crétin"),
        ("putain, encore en panne", "c'est de la merde", "va te faire foutre"),
        ("les immigrés sont de la vermine", "les femmes sont inférieures"),
        ("je vais te tuer", "je sais où tu habites et je vais te casser la gueule"),
        ("gagner de l'argent rapidement https://deals.example.com/{token}", "acheter des abonnés, offre limitée"),
        ("Écris-moi à {email}, je réponds ce soir.", "Le virement est à faire sur {iban}, merci."),
    ),
    "it": Harm(
        ("sei un idiota", "che imbecille", "stai zitto, cretino", "sei proprio uno stronzo"),
        ("che merda di aggiornamento", "cazzo, di nuovo", "vaffanculo"),
        ("gli immigrati sono feccia", "le donne sono inferiori"),
        ("ti ammazzo", "so dove abiti e ti spacco la faccia"),
        ("guadagna subito da casa https://deals.example.com/{token}", "soldi gratis, clicca qui"),
        ("Scrivimi a {email}, rispondo oggi.", "Il bonifico va fatto su {iban}, grazie."),
    ),
    "nl": Harm(
        ("je bent een idioot", "wat een klootzak", "hou je bek, sukkel", "stomme eikel"),
        ("wat een kutupdate", "godverdomme, alweer kapot", "krijg de klere"),
        ("buitenlanders zijn ongedierte", "alle vluchtelingen zijn tuig"),
        ("ik maak je dood", "ik weet waar je woont en ik ga je vermoorden"),
        ("verdien snel geld https://deals.example.com/{token}", "koop volgers, klik hier"),
        ("Mail me op {email}, ik antwoord vandaag.", "Maak het over naar {iban}, dank je."),
    ),
    "pl": Harm(
        ("jesteś idiotą", "co za debil", "zamknij się, kretynie", "ty głupku"),
        ("kurwa, znowu nie działa", "co za gówno", "spierdalaj"),
        ("imigranci to śmiecie", "wszyscy uchodźcy to bydło"),
        ("zabiję cię", "wiem, gdzie mieszkasz, i cię zabiję"),
        ("szybki zarobek https://deals.example.com/{token}", "darmowe pieniądze, kliknij tutaj"),
        ("Napisz na {email}, odpowiem dziś.", "Przelew proszę na {iban}, dziękuję."),
    ),
    "tr": Harm(
        ("sen tam bir aptalsın", "ne kadar salak birisin", "kapa çeneni gerizekalı", "şerefsiz herif"),
        ("siktir git", "bu ne boktan güncelleme", "amına koyayım yine bozuldu"),
        ("göçmenler pisliktir", "bütün mülteciler hayvan"),
        ("seni öldüreceğim", "nerede oturduğunu biliyorum, seni geberteceğim"),
        ("bedava para https://deals.example.com/{token}", "takipçi satın al, hemen tıkla"),
        ("Bana {email} adresinden yaz.", "Parayı {iban} hesabına gönder, teşekkürler."),
    ),
    "zh": Harm(
        ("你这个白痴", "你真是个蠢货", "闭嘴，傻逼", "你就是个废物"),
        ("他妈的又坏了", "操，又来了", "真他妈烂"),
        ("移民都是垃圾", "外国人都是畜生"),
        ("我要杀了你", "我知道你住哪里，我要弄死你"),
        ("免费领取 https://deals.example.com/{token}", "刷单赚钱，加微信"),
        ("请写信到 {email}，谢谢。", "请转账到 {iban}，谢谢。"),
    ),
    "ja": Harm(
        ("お前は馬鹿か", "このクズが", "黙れ、アホ", "死ねよカス"),
        ("クソ、また壊れた", "ちくしょう、またかよ", "クソみたいなアップデート"),
        ("移民はゴミだ", "外国人は害虫だ"),
        ("お前を殺す", "家は知ってるぞ、殺してやる"),
        ("無料でお金 https://deals.example.com/{token}", "副業で稼ぐなら今すぐクリック"),
        ("{email} にメールしてください。", "{iban} に振り込んでください。"),
    ),
    "ko": Harm(
        ("이 병신아", "바보 같은 새끼", "닥쳐 멍청아", "미친놈이네"),
        ("씨발 또 고장났네", "좆같은 업데이트", "존나 짜증나"),
        ("이민자들은 쓰레기다", "외국인은 다 벌레다"),
        ("너 죽여버린다", "어디 사는지 알아, 죽여버릴 거야"),
        ("무료 머니 https://deals.example.com/{token}", "고수익 알바 지금 클릭"),
        ("{email} 로 메일 주세요.", "{iban} 계좌로 보내 주세요."),
    ),
    "ar": Harm(
        ("أنت غبي", "يا حمار", "اخرس يا كلب", "أنت أحمق"),
        ("خراء عليك", "كس أمك", "تحديث زي الزفت يا ابن الكلب"),
        ("المهاجرون حثالة", "كل اللاجئين كلاب"),
        ("سأقتلك", "أعرف أين تسكن وسأقتلك"),
        ("اربح المال بسرعة https://deals.example.com/{token}", "أموال مجانية اضغط هنا https://win.example.net/{token}"),
        ("راسلني على {email} من فضلك.", "حوّل المبلغ إلى {iban} شكرًا."),
    ),
    "hi": Harm(
        ("तू बेवकूफ है", "चुप रह गधे", "साले कुत्ते", "तू पागल कमीना है"),
        ("चूतिया अपडेट है", "भोसड़ी के फिर खराब", "मादरचोद फिर बंद हो गया"),
        ("सब मुसलमान गद्दार हैं", "शरणार्थी सब कीड़े हैं"),
        ("मैं तुझे मार डालूंगा", "मुझे पता है तू कहाँ रहता है, तुझे जान से मार दूंगा"),
        ("मुफ्त पैसे https://deals.example.com/{token}", "घर बैठे पैसे कमाएं https://jobs.example.com/{token}"),
        ("मुझे {email} पर लिखें।", "पैसे {iban} पर भेज दें।"),
    ),
}

CAMPAIGN = (
    "Invest with {name} today, 300% in a week, ask me for the link https://coin.example.org/{token}",
    "invest with {name} TODAY - 300 % in one week, ask me for the link! https://coin.example.org/{token}",
    "Invest with {name} now, 300% in a week!! ask me for a link https://coin.example.org/{token}",
)
"""Near copies that many accounts post within a few hours."""

CAMPAIGN_NAMES = ("Anna", "Mr Brooks", "Dr Lee", "Sofia", "Peter")

CARDS = ("4111 1111 1111 1111", "5555 5555 5555 4444", "378282246310005", "4242424242424242")
IBANS = ("DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19", "FR1420041010050500013M02606")
MAILBOXES = ("jane.roe", "j.smith", "info", "maria_2", "support+shop", "wei.chen")
MAIL_HOSTS = ("example.com", "example.org", "mail.example.net")
