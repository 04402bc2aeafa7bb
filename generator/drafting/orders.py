"""Text that gives orders to a model, or to whoever judges its answers.

A list of phrases finds what has been tried often, in the languages it was tried in; it does not find everything, and
nothing rests on it alone: log text stays in its fence, drafts have no tools, and a person decides.
"""

import re
from collections.abc import Iterator

_IGNORE = (
    r"(?:ignore|disregard|forget|override|bypass|ignorier\w*|missachte\w*|vergiss|ignorez|oubliez?|ignora|ignore|ignorar|"
    r"olvida|dimentica|esqueça|negeer|vergeet|zignoruj|ignoruj|zapomnij|забудь\w*|игнорируй\w*|yoksay|unut)"
)
_EARLIER = (
    r"(?:previous|prior|above|earlier|preceding|existing|all|any|your|these|the|system|vorherigen?|obigen?|bisherigen?|"
    r"alle|die|les|toutes|las|los|todas|le|gli|tutte|as|os|de|eerdere|wszystkie|все|предыдущие|tüm|önceki)"
)
_RULES = (
    r"(?:instructions?|prompts?|rules|guidelines|directions|directives|constraints|anweisung\w*|regeln|vorgaben|consignes|"
    r"règles|instrucciones|reglas|istruzioni|regole|instruções|regras|instructies|regels|instrukcj\w*|zasady|"
    r"инструкци\w*|правила|указания|talimat\w*|kuralları)"
)
_RULES_CJK, _IGNORE_CJK = (
    "(?:指示|指令|命令|规则|規則|ルール|지시|규칙|التعليمات)",
    "(?:無視|忽略|无视|忘记|忘れ|무시|تجاهل)",
)
_MODEL = r"(?:ai|llms?|language models?|ai models?|assistant|chatbot|drafter)"

_ORDERS = re.compile(
    "|".join(
        (
            # "my instructions" are the user's own, who may take them back.
            rf"\b{_IGNORE}\b(?!\s+(?:my|mine|our)\b)[^.!?\n]{{0,30}}?\b{_EARLIER}\b[^.!?\n]{{0,30}}?\b{_RULES}\b",
            rf"{_RULES_CJK}.{{0,12}}{_IGNORE_CJK}|{_IGNORE_CJK}.{{0,15}}{_RULES_CJK}",
            r"\b(?:ignore|disregard|forget) (?:everything|all|anything) "
            r"(?:above|before this|you (?:were|have been) told)",
            r"\b(?:print|reveal|show|repeat|output|disclose|leak|paste|send)\b[^.!?\n]{0,40}"
            r"\b(?:system prompt|hidden (?:prompt|instructions)|your (?:\w+ )?instructions)\b",
            r"\byou are (?:now|no longer)\b[^.!?\n]{0,40}"
            r"\b(?:dan|jailbroken|unrestricted|(?:developer|debug|admin) mode|an? (?:ai|assistant|language model))\b",
            r"\byou are\b[^.!?\n]{0,40}\b(?:without|no) (?:any )?(?:rules|limits|restrictions|filters)\b",
            r"\bnew (?:task|instructions?|objective|role|system prompt)\s*:",
            r"\b(?:your|the) (?:only |new |real )?(?:task|job|goal|role) is now\b",
            r"\bsystem (?:message|prompt|note|override|update|instructions?)\s*:",
            rf"\b(?:note|message|instructions?|important|attention|warning)\b[^.!?\n]{{0,20}}"
            rf"\b(?:to|for) (?:the |any |all |every )?{_MODEL}\b(?! manager)",
            r"<\|?\s*(?:im_start|im_end|system|endoftext)\s*\|?>|\[/?INST\]|<</?SYS>>",
            r"<<<data\b|\bdata [0-9a-f]{0,12}>>>",
        )
    ),
    re.IGNORECASE,
)

_OUTPUT = (
    r"(?:items?|drafts?|answers?|criteri(?:on|a)|outputs?|tests?|test cases?|responses?|repl(?:y|ies)|summar(?:y|ies))"
)
# Wishes about all answers are orders in a log that a drafter reads; users also say them of their own request.
_WISHES = re.compile(
    "|".join(
        (
            r"\b(?:include|add|write|put|insert|append|mention|use|say|begin|start|end|finish|copy|repeat|link to)\b"
            rf"[^\n]{{0,160}}\b(?:every|each|all|any|your|the) (?:\w+ ){{0,2}}{_OUTPUT}\b",
            rf"\b(?:every|each|all|any) (?:\w+ ){{0,2}}{_OUTPUT}\b"
            r"[^.!?\n]{0,30}\b(?:must|should|shall|has to|have to|needs? to)\b",
            r"\b(?:reply|respond|answer)\b[^.!?\n]{0,20}\b(?:with|only|exactly)\b[^.!?\n]{0,40}"
            r"\b(?:the (?:word|phrase|text|code|string|token)|only|exactly|nothing else)\b",
            r"\bfrom now on\b",
            # Whoever talks of criteria talks to us; where users do too, nothing is said until a draft repeats them.
            r"\b(?:criteri|kriteri|critèr|критери)\w*|基準|标准|標準|기준",
            r"(?:^|[<>\[{(\n-])\s*(?:assistant|ai|model|bot|system)(?:[_ ]\w+)?\s*[:,]",
        )
    ),
    re.IGNORECASE,
)

_JUDGE = r"(?:judges?|graders?|evaluators?|scorers?|examiners?|reviewers?|curators?)"
_ANSWER = (
    r"(?:answers?|responses?|repl(?:y|ies)|outputs?|items?|drafts?|tests?|completions?|criterion|anything|everything|"
    r"it|this)"
)
_STEERING = re.compile(
    "|".join(
        (
            rf"\b(?:note|notice|attention|dear|hey|hello|hint|instructions?|message)\b[^.!?\n]{{0,12}}\b{_JUDGE}\b",
            rf"(?:^|[.;!?]\s*){_JUDGE}\s*[:,]",
            rf"\b{_JUDGE}\b (?:must|should|shall|has to|have to|needs? to|will|can|may|is to)\b[^.!?\n]{{0,30}}"
            r"\b(?:pass|accept|approve|mark|score|rate|grade|give|award|ignore)\b",
            r"\b(?:always|automatically|unconditionally|simply|just) (?:pass|accept|approve)\b"
            rf"[^.!?\n]{{0,20}}(?:\b{_ANSWER}\b|$)",
            rf"\b{_ANSWER} (?:always|automatically|unconditionally) pass(?:es)?\b|^\W*always pass(?:es)?\W*$",
            rf"\b(?:mark|grade|score|rate|judge|count|treat|consider)\b[^.!?\n]{{0,10}}\b{_ANSWER}\b[^.!?\n]{{0,12}}"
            r"\b(?:correct|passed|passing|pass|successful|perfect|true|10|100|full)\b",
            r"\b(?:give|award|assign)s?\b[^.!?\n]{0,25}\b(?:full|maximum|max|top|highest|perfect) "
            r"(?:score|marks?|points?|grade|rating|credit)\b",
            r"\b(?:score|rating|grade) (?:of|is|=|:) ?(?:10 ?/ ?10|5 ?/ ?5|100 ?%)",
            rf"\b(?:any|every|all) (?:\w+ )?{_ANSWER} (?:is|are|counts? as|should be|must be|will be)\b[^.!?\n]{{0,15}}"
            r"\b(?:acceptable|accepted|correct|fine|ok|okay|valid|a pass|passed|approved)\b",
            rf"\b(?:accept|approve|pass)(?:es)? (?:any|every|all|whatever) {_ANSWER}\b|\bany {_ANSWER} passes\b",
            r"\b(?:is|evaluates to|counts as|should be) always (?:true|met|satisfied|fulfilled|passed|correct)\b",
            r"\b(?:pass|passes|accept|correct|true) (?:regardless of|no matter)\b",
        )
    ),
    re.IGNORECASE,
)

# Before an order in the same clause, these say that it must not be followed.
_RESISTED = re.compile(
    r"\b(?:not|never|no|refus\w+|declin\w+|resist\w*|reject\w*|without|instead of|rather than|despite|treats?|"
    r"ask(?:s|ing)? to|told to|tells? \w+ to|tr(?:ies|ying) to|attempts? to|whether|pasted|injected|injection)\b|n't\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[.;!?\n]")
_BEFORE = 120

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
ADDRESS = re.compile(r"(?:https?://|www\.)[^\s\"'<>()«»]{3,200}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
"""Web and mail addresses."""
_QUOTED = re.compile(r"[\"'“‘«`]([^\"'”’»`\n]{3,80})[\"'”’»`]")
_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{5,60}\b|\b\d{5,30}\b|\b[A-Z]{2,}(?:[-_][A-Z0-9]{2,})+\b")
_NAMED = re.compile(
    r"\b(?:word|phrase|code|string|token)s?:?\s+"
    r"(?!(?:that|this|with|from|into|which|here|only|below|above|after|before)\b)([^\W\d_][\w-]{3,40})",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"\b[A-Z]{5,30}\b")
_TITLES = frozenset({"ignore", "system", "important", "attention", "warning", "instructions", "previous", "always"})


def orders_in(text: str) -> str | None:
    """The first words of a text that give orders to a model, or None."""
    return _first_unresisted(_ORDERS, text)


def steering_in(text: str) -> str | None:
    """The first words of a text that tell a judge what to find, or give orders to a model; or None."""
    return _first_unresisted(_STEERING, text) or orders_in(text)


def _first_unresisted(pattern: re.Pattern[str], text: str) -> str | None:
    return next((match.group().strip() for match in pattern.finditer(text) if not _is_resisted(text, match)), None)


def _is_resisted(text: str, match: re.Match[str]) -> bool:
    clause = _CLAUSE.split(text[max(match.start() - _BEFORE, 0) : match.start()])[-1]
    return _RESISTED.search(clause) is not None


def planted_in(text: str) -> frozenset[str]:
    """What orders in a log text could want to see repeated: addresses, codes and quoted words beside them."""
    return frozenset(_planted(_SENTENCE_END.split(text)))


def _planted(sentences: list[str]) -> Iterator[str]:
    for number, sentence in enumerate(sentences):
        if _ORDERS.search(sentence) or _WISHES.search(sentence):
            near = " ".join(sentences[number : number + 2])
            yield from (match.group().rstrip(".,;:!?") for match in ADDRESS.finditer(near))
            for pattern in (_QUOTED, _NAMED):
                yield from (match.group(1).strip() for match in pattern.finditer(near))
            yield from _CODE.findall(near)
            yield from (word for word in _SHOUTED.findall(near) if word.lower() not in _TITLES and near != near.upper())


def repeats(text: str, planted: str) -> bool:
    """Whether a text repeats what was planted, without saying that it must not be repeated."""
    pattern = re.compile(rf"(?<!\w){re.escape(planted)}(?!\w)", re.IGNORECASE)
    return _first_unresisted(pattern, text) is not None
