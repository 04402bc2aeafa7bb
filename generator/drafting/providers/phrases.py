"""What people say around a request, in the languages that the rules can write.

`{a}` is the real input, `{b}` another one or a detail. A language that is not here gets only the kinds of
drafts that need no words of ours.
"""

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language."""

    code: str
    common: frozenset[str]
    """Words that tell the language, and that never say what a request is about."""
    asking: frozenset[str]
    """Words that begin a question."""
    units: frozenset[str]
    """What numbers count, and what goes with them."""
    before_details: frozenset[str]
    """Small words that go when the detail after them goes."""
    openings: tuple[str, ...]
    """Patterns of polite beginnings that carry nothing."""
    also: tuple[str, ...]
    again: tuple[str, ...]
    tones: tuple[tuple[str, str], ...]
    """(the tone, in English; the phrase)."""
    not_about: tuple[str, ...]
    conflict: str
    vague: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    """(a condition as the user says it; the criterion)."""
    fillers: tuple[str, ...]
    stories: tuple[str, ...]
    correction: str
    instead: str
    pasted: str
    switched: tuple[str, ...]
    """What a bilingual user drops into a request in another language."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EN = Phrases(
    code="en",
    common=_set(
        "the a an is are was were be been i i'm you we they it my your our this that these those to of in on for "
        "with and or not no do does did can could would will have has had how what when where why which who if "
        "but from at by as me please there any about so just get need want still"
    ),
    asking=_set(
        "how what when where why which who whose can could will would is are am do does did has have should may"
    ),
    units=_set("times days nights weeks months years hours minutes people euros dollars percent km gb mb"),
    before_details=_set("on at for from to by of in with no nr no. the until since"),
    openings=(
        r"(?:hi|hello|hey|good (?:morning|afternoon|evening))\b[^\w]*(?:there|team|all|everyone)?[^\w]*",
        r"(?:please|pls)\b[,\s]*",
        r"(?:can|could|would) you (?:please )?help me with[,:\s]*",
        r"(?:quick|just a quick) question[,:\s]*",
        r"sorry to bother you[^\w]*(?:but )?",
    ),
    also=("{a} And one more thing: {b}", "{a} While I have you: {b}", "{a} Second question. {b}"),
    again=(
        "I asked this yesterday and never heard back. {a}",
        "Second time I'm writing about this. {a}",
        "This is still open from last week. {a} The answer I got then did not help.",
    ),
    tones=(
        ("formal", "Dear team, I would be grateful for your help with the following. {a} Kind regards"),
        ("pressed for time", "{a} I need this today, my meeting starts in an hour."),
        ("annoyed", "{a} Honestly, this should not be so hard."),
        ("worried", "{a} I'm a bit worried that I did something wrong."),
    ),
    not_about=(
        "{a} I am not asking about this, that is sorted: {b}",
        "{a} Please leave this out, I know it already: {b}",
    ),
    conflict="{a} The confirmation I have in front of me says {b}, though.",
    vague=("problem with {a}", "{a} doesn't work", "need help with {a}", "question about {a}"),
    conditions=(
        ("At most two sentences, please.", "Is at most two sentences long"),
        ("No bullet points.", "Uses no bullet points"),
        ("Tell me where you have it from.", "Says where the information comes from, or that it cannot say"),
        ("Put the most important thing first.", "Puts the most important point first"),
        ("End with the one next step I have to take.", "Ends with exactly one next step"),
    ),
    fillers=(
        (
            "Hi, sorry, not sure if this is the right place, but anyway. {a} I mean, you know what I mean, "
            "hopefully. Thanks!"
        ),
        "So, um, okay, where do I start. {a} Sorry for the long message, it's been one of those days.",
        (
            "Right, so, this is maybe a silly question and my colleague says it's obvious, but well. {a} Anyway, "
            "yes, that."
        ),
    ),
    stories=(
        "A bit of background first. I took this over from a colleague who left in spring, and the handover was half an "
        "hour on a Friday afternoon. Most of the notes are in a document that nobody can find any more, and what I did "
        "find is about the old process. My manager asked me to sort it out before the end of the month, and I have "
        "already asked two people, who gave me two different answers. I have also looked through the help pages, but "
        "either I am blind or it is not there. So before I break something I would rather ask. {a}",
        "I have to explain how I got here, otherwise this makes no sense. We moved in September, and since then "
        "nothing has been where it used to be. First the letters went to the old address, then my phone broke, and "
        "the new one did not have half of my contacts. My sister helped me to set it up again, and she is the one who "
        "said I should write to you. I know that you get a lot of these messages and I will try to be brief from "
        "here on. It is really one thing that I need to know. {a}",
    ),
    correction="Sorry, I meant {b}, not {a}.",
    instead="Actually, forget that. {b}",
    pasted="This is what I have here:",
    switched=("Thanks a lot, it's kind of urgent!", "Sorry, I'm new here."),
)

_DE = Phrases(
    code="de",
    common=_set(
        "der die das den dem des ein eine einen einem ist sind war bin ich du sie wir es mein meine ihr nicht "
        "kein und oder aber wie was wann wo warum wer welche mit für von zu auf bei im in an am aus nach noch "
        "kann können muss habe hat haben wird werden bitte mir mich dass wenn auch nur"
    ),
    asking=_set(
        "wie was wann wo warum wer welche welcher welches wieso kann können darf ist sind habt haben gibt muss soll"
    ),
    units=_set("mal tage nächte wochen monate jahre stunden minuten personen euro prozent km gb mb"),
    before_details=_set("am um für von vom bis ab zu nr nummer mit auf seit nach"),
    openings=(
        r"(?:hallo|guten (?:tag|morgen|abend)|moin|hi|servus)\b[^\w]*(?:zusammen|team)?[^\w]*",
        r"bitte\b[,\s]*",
        r"(?:kurze frage|ich hätte eine frage)[,:\s]*",
    ),
    also=("{a} Und noch etwas: {b}", "{a} Zweite Frage: {b}"),
    again=(
        "Ich habe das gestern schon gefragt und keine Antwort bekommen. {a}",
        "Ich schreibe deswegen jetzt zum zweiten Mal. {a}",
    ),
    tones=(
        ("formal", "Sehr geehrte Damen und Herren, ich bitte um Auskunft zu Folgendem. {a} Mit freundlichen Grüßen"),
        ("pressed for time", "{a} Ich brauche das heute noch, in einer Stunde ist der Termin."),
        ("annoyed", "{a} So schwer kann das doch nicht sein."),
    ),
    not_about=("{a} Nicht gemeint ist das hier, das ist schon geklärt: {b}",),
    conflict="{a} Auf meiner Bestätigung steht allerdings {b}.",
    vague=("Problem mit {a}", "{a} geht nicht", "Frage zu {a}"),
    conditions=(
        ("Bitte höchstens zwei Sätze.", "Is at most two sentences long"),
        ("Keine Aufzählungen.", "Uses no bullet points"),
        ("Sagen Sie mir, woher Sie das haben.", "Says where the information comes from, or that it cannot say"),
        ("Das Wichtigste zuerst.", "Puts the most important point first"),
    ),
    fillers=(
        (
            "Hallo, ähm, ich weiß nicht, ob ich hier richtig bin, aber egal. {a} Also, Sie wissen schon, was ich "
            "meine. Danke!"
        ),
        "Ja also, wo fange ich an. {a} Entschuldigung für den langen Text, ist heute so ein Tag.",
    ),
    stories=(
        "Kurz zur Vorgeschichte. Ich habe das im Frühjahr von einer Kollegin übernommen, die Übergabe hat eine halbe "
        "Stunde gedauert, und die Unterlagen findet niemand mehr. Ich habe schon zwei Leute gefragt und zwei "
        "verschiedene Antworten bekommen. Auf den Hilfeseiten habe ich auch gesucht, aber entweder bin ich blind oder "
        "es steht dort nicht. Bevor ich etwas falsch mache, frage ich lieber nach, auch wenn Sie das sicher oft hören. "
        "Es geht eigentlich nur um eine Sache. {a}",
    ),
    correction="Entschuldigung, ich meinte {b}, nicht {a}.",
    instead="Ach nein, vergessen Sie das. {b}",
    pasted="Das hier habe ich vorliegen:",
    switched=("Danke im Voraus, ist leider dringend.", "Sorry, mein Englisch ist nicht so gut, hoffe, das geht so."),
)

_ES = Phrases(
    code="es",
    common=_set(
        "el la los las un una unos de del que y o no en a al con por para es son está están fue mi mis tu su sus "
        "me te se lo le yo como cómo qué cuándo dónde cuánto cuántos cuál quién si pero más ya muy tengo tiene "
        "puedo puede quiero hay este esta esto hola favor"
    ),
    asking=_set("cómo qué cuándo dónde cuánto cuánta cuántos cuál quién puedo puede hay es está tengo"),
    units=_set("veces días noches semanas meses años horas minutos personas euros km gb mb"),
    before_details=_set("el al a de del desde hasta para por con número en"),
    openings=(
        r"(?:hola|buenas|buenos días|buenas tardes)\b[^\w]*(?:equipo)?[^\w]*",
        r"por favor\b[,\s]*",
        r"(?:una pregunta|una consulta|tengo una pregunta)[,:\s]*",
    ),
    also=("{a} Y otra cosa: {b}", "{a} Segunda pregunta: {b}"),
    again=("Ya pregunté esto ayer y nadie me contestó. {a}", "Es la segunda vez que escribo por esto. {a}"),
    tones=(
        ("formal", "Estimado equipo: les agradecería su ayuda con lo siguiente. {a} Un cordial saludo"),
        ("pressed for time", "{a} Lo necesito hoy, la reunión es en una hora."),
        ("annoyed", "{a} La verdad, no debería ser tan difícil."),
    ),
    not_about=("{a} No pregunto por esto, eso ya está resuelto: {b}",),
    conflict="{a} Pero en mi confirmación pone {b}.",
    vague=("problema con {a}", "{a} no funciona", "duda sobre {a}"),
    conditions=(
        ("Máximo dos frases, por favor.", "Is at most two sentences long"),
        ("Sin listas.", "Uses no bullet points"),
        ("Dime de dónde sale la información.", "Says where the information comes from, or that it cannot say"),
        ("Lo más importante primero.", "Puts the most important point first"),
    ),
    fillers=(
        "Hola, perdón, no sé si es aquí, pero bueno. {a} O sea, ya me entiendes. ¡Gracias!",
        "A ver, por dónde empiezo. {a} Perdón por el mensaje tan largo, vaya día llevo.",
    ),
    stories=(
        "Primero un poco de contexto. Esto lo llevaba antes un compañero que se fue en primavera, y el traspaso duró "
        "media hora. Nadie encuentra ya sus notas, y lo que encontré es del sistema antiguo. He preguntado a dos "
        "personas y me han dado dos respuestas distintas. También he mirado en las páginas de ayuda, pero o "
        "estoy ciego "
        "o no está. Antes de equivocarme prefiero preguntar, aunque seguro que se lo preguntan mucho. En realidad es "
        "una sola cosa. {a}",
    ),
    correction="Perdón, quería decir {b}, no {a}.",
    instead="No, mejor olvida eso. {b}",
    pasted="Esto es lo que tengo:",
    switched=("Gracias, es un poco urgente.", "Perdón, mi inglés no es muy bueno."),
)

_FR = Phrases(
    code="fr",
    common=_set(
        "le la les un une des de du et ou ne pas je j'ai tu il elle nous vous mon ma mes votre vos ce cette que "
        "qui quoi où quand comment pourquoi combien est sont était avec pour sur dans au aux en si mais plus "
        "encore peux peut ai avez bonjour merci svp"
    ),
    asking=_set("comment que quoi où quand pourquoi combien quel quelle qui puis-je peut-on est-ce"),
    units=_set("fois jours nuits semaines mois ans heures minutes personnes euros km go mo"),
    before_details=_set("le la du de à au pour par depuis jusqu'au numéro en"),
    openings=(
        r"(?:bonjour|bonsoir|salut)\b[^\w]*(?:à tous|l'équipe)?[^\w]*",
        r"(?:s'il vous plaît|svp|stp)\b[,\s]*",
        r"(?:petite question|une question|j'ai une question)\s*[,:]\s*",
    ),
    also=("{a} Et autre chose : {b}", "{a} Deuxième question : {b}"),
    again=("J'ai déjà posé la question hier, sans réponse. {a}", "C'est la deuxième fois que j'écris à ce sujet. {a}"),
    tones=(
        ("formal", "Madame, Monsieur, je vous serais reconnaissant de votre aide. {a} Bien cordialement"),
        ("pressed for time", "{a} Il me le faut aujourd'hui, la réunion est dans une heure."),
        ("annoyed", "{a} Franchement, ça ne devrait pas être si compliqué."),
    ),
    not_about=("{a} Ma question ne porte pas sur ceci, c'est réglé : {b}",),
    conflict="{a} Pourtant, ma confirmation indique {b}.",
    vague=("problème avec {a}", "{a} ne marche pas", "question sur {a}"),
    conditions=(
        ("Deux phrases maximum, merci.", "Is at most two sentences long"),
        ("Pas de liste à puces.", "Uses no bullet points"),
        ("Dites-moi d'où vient l'information.", "Says where the information comes from, or that it cannot say"),
        ("Le plus important d'abord.", "Puts the most important point first"),
    ),
    fillers=(
        "Bonjour, désolé, je ne sais pas si c'est le bon endroit, mais bon. {a} Enfin, vous voyez, quoi. Merci !",
        "Alors, euh, par où commencer. {a} Désolé pour le long message, c'est un de ces jours.",
    ),
    stories=(
        "Un peu de contexte d'abord. J'ai repris ce dossier au printemps d'une collègue qui est partie, et la "
        "passation "
        "a duré une demi-heure. Personne ne retrouve ses notes, et ce que j'ai trouvé concerne l'ancien système. J'ai "
        "déjà demandé à deux personnes, qui m'ont donné deux réponses différentes. J'ai aussi cherché dans les pages "
        "d'aide, mais soit je suis aveugle, soit ça n'y est pas. Avant de faire une bêtise, je préfère demander. Au "
        "fond, il s'agit d'une seule chose. {a}",
    ),
    correction="Pardon, je voulais dire {b}, pas {a}.",
    instead="En fait non, oubliez ça. {b}",
    pasted="Voici ce que j'ai sous les yeux :",
    switched=("Merci d'avance, c'est assez urgent.", "Désolé, je débute ici."),
)

_PT = Phrases(
    code="pt",
    common=_set(
        "o a os as um uma de do da dos das que e ou não em no na nos nas com por para é são está foi meu minha "
        "seu sua me se eu você como quando onde quanto qual quem porque se mas mais já muito tenho tem posso pode "
        "quero isso este esta olá favor"
    ),
    asking=_set("como que quando onde quanto quanta quantos qual quem posso pode tem é está"),
    units=_set("vezes dias noites semanas meses anos horas minutos pessoas euros reais km gb mb"),
    before_details=_set("o a de do da desde até para por com número em no na"),
    openings=(
        r"(?:olá|oi|bom dia|boa tarde|boa noite)\b[^\w]*(?:equipe|pessoal)?[^\w]*",
        r"por favor\b[,\s]*",
        r"(?:uma pergunta|tenho uma dúvida)[,:\s]*",
    ),
    also=("{a} E mais uma coisa: {b}", "{a} Segunda pergunta: {b}"),
    again=("Já perguntei isso ontem e ninguém respondeu. {a}", "É a segunda vez que escrevo sobre isso. {a}"),
    tones=(
        ("formal", "Prezados, agradeço a ajuda com o seguinte. {a} Atenciosamente"),
        ("pressed for time", "{a} Preciso disso hoje, a reunião é em uma hora."),
        ("annoyed", "{a} Sinceramente, não devia ser tão difícil."),
    ),
    not_about=("{a} Não é sobre isto, isso já está resolvido: {b}",),
    conflict="{a} Mas na minha confirmação está {b}.",
    vague=("problema com {a}", "{a} não funciona", "dúvida sobre {a}"),
    conditions=(
        ("No máximo duas frases, por favor.", "Is at most two sentences long"),
        ("Sem listas.", "Uses no bullet points"),
        ("Diga de onde vem a informação.", "Says where the information comes from, or that it cannot say"),
        ("O mais importante primeiro.", "Puts the most important point first"),
    ),
    fillers=(
        "Oi, desculpa, não sei se é aqui, mas enfim. {a} Tipo, você entendeu. Obrigado!",
        "Bom, por onde eu começo. {a} Desculpa a mensagem longa, o dia está daqueles.",
    ),
    stories=(
        "Primeiro um pouco de contexto. Assumi isso de um colega que saiu no começo do ano, e a passagem durou meia "
        "hora. Ninguém acha mais as anotações dele, e o que encontrei é do sistema antigo. Já perguntei a duas pessoas "
        "e recebi duas respostas diferentes. Também procurei nas páginas de ajuda, mas ou estou cego ou não está lá. "
        "Antes de fazer besteira prefiro perguntar. No fundo é uma coisa só. {a}",
    ),
    correction="Desculpe, eu quis dizer {b}, não {a}.",
    instead="Não, esquece isso. {b}",
    pasted="Isto é o que eu tenho aqui:",
    switched=("Obrigado, é meio urgente.", "Desculpa, sou novo aqui."),
)

_IT = Phrases(
    code="it",
    common=_set(
        "il lo la i gli le un una di del della dei che e o non in nel nella a al con per è sono era mio mia suo "
        "sua mi si ti io come cosa quando dove quanto quale chi perché se ma più già molto ho ha posso può vorrei "
        "questo questa ciao favore"
    ),
    asking=_set("come cosa che quando dove quanto quanta quanti quale chi perché posso può è c'è"),
    units=_set("volte giorni notti settimane mesi anni ore minuti persone euro km gb mb"),
    before_details=_set("il al dal del di da per con fino numero in"),
    openings=(
        r"(?:ciao|salve|buongiorno|buonasera)\b[^\w]*(?:a tutti)?[^\w]*",
        r"per favore\b[,\s]*",
        r"(?:una domanda|ho una domanda)[,:\s]*",
    ),
    also=("{a} E un'altra cosa: {b}", "{a} Seconda domanda: {b}"),
    again=("L'ho già chiesto ieri e nessuno mi ha risposto. {a}", "È la seconda volta che scrivo per questo. {a}"),
    tones=(
        ("formal", "Gentile servizio clienti, vi sarei grato per un aiuto. {a} Cordiali saluti"),
        ("pressed for time", "{a} Mi serve oggi, la riunione è tra un'ora."),
        ("annoyed", "{a} Sinceramente, non dovrebbe essere così difficile."),
    ),
    not_about=("{a} Non chiedo di questo, è già risolto: {b}",),
    conflict="{a} Però sulla mia conferma c'è scritto {b}.",
    vague=("problema con {a}", "{a} non funziona", "domanda su {a}"),
    conditions=(
        ("Al massimo due frasi, per favore.", "Is at most two sentences long"),
        ("Niente elenchi.", "Uses no bullet points"),
        ("Dimmi da dove viene l'informazione.", "Says where the information comes from, or that it cannot say"),
        ("La cosa più importante per prima.", "Puts the most important point first"),
    ),
    fillers=(
        "Ciao, scusate, non so se è il posto giusto, comunque. {a} Insomma, avete capito. Grazie!",
        "Allora, da dove comincio. {a} Scusate il messaggio lungo, è una di quelle giornate.",
    ),
    stories=(
        "Prima un po' di contesto. Ho preso in mano questa cosa in primavera da un collega che è andato via, e il "
        "passaggio di consegne è durato mezz'ora. I suoi appunti non si trovano più, e quello che ho trovato riguarda "
        "il vecchio sistema. Ho già chiesto a due persone e ho avuto due risposte diverse. Ho guardato anche nelle "
        "pagine di aiuto, ma o sono cieco o non c'è. Prima di sbagliare preferisco chiedere. In fondo è una cosa "
        "sola. {a}",
    ),
    correction="Scusate, intendevo {b}, non {a}.",
    instead="Anzi no, lasciamo stare. {b}",
    pasted="Questo è quello che ho qui:",
    switched=("Grazie mille, è abbastanza urgente.", "Scusate, sono nuovo qui."),
)

LANGUAGES: tuple[Phrases, ...] = (_EN, _DE, _ES, _FR, _PT, _IT)

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def words(text: str) -> list[str]:
    """The words of a text, case folded."""
    return [match.casefold().replace("’", "'") for match in _WORD.findall(text)]


def language_of(text: str, *contexts: str) -> Phrases | None:
    """The language of a text, or where it is too short to tell, of the first context that tells; None if not ours."""
    if not _is_latin(text):
        return None
    return _told_by_words(text, 2) or next((found for each in contexts if (found := _told_by_words(each, 3))), None)


def _told_by_words(text: str, needed: int) -> Phrases | None:
    counts = Counter(words(text))
    scores = sorted(((sum(counts[word] for word in each.common), each.code, each) for each in LANGUAGES), reverse=True)
    (best, _, language), (second, _, _) = scores[0], scores[1]
    return language if best >= needed and best > second else None


def _is_latin(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    return sum(char < "\u0250" for char in letters) > 0.9 * len(letters)
