"""What personal data and secrets look like: one finder per kind, in the order in which they must run.

Every pattern takes linear time: repeats are bounded, and neighbours in a pattern share no characters, so
that no text can make one run for long. A cheap look for a character or word that a finder cannot do without
comes first; ordinary text never reaches most of the patterns.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Find:
    """Something to mask in a text."""

    start: int
    end: int
    value: str
    """The value in the form in which two spellings of it are the same."""


@dataclass(frozen=True, slots=True)
class Finder:
    """How one kind of value is found."""

    kind: str
    may_occur: Callable[[str], bool]
    find: Callable[[str], Iterator[Find]]


def _whole(pattern: re.Pattern[str], text: str) -> Iterator[Find]:
    return (Find(match.start(), match.end(), match[0]) for match in pattern.finditer(text))


def _group(pattern: re.Pattern[str], text: str) -> Iterator[Find]:
    return (Find(match.start(1), match.end(1), match[1]) for match in pattern.finditer(text))


# Secrets ------------------------------------------------------------------------------------------

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]|-(?!----)){0,20000}"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_CREDENTIALS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://([^\s/@:?#\"'<>⟦⟧]{0,200}:[^\s/@?#\"'<>⟦⟧]{1,200})@")
_QUERY_TOKEN = re.compile(
    r"[?&;](?:(?:access|auth|refresh|id|security|session)[_-]?token|token|sig|signature|key|api[_-]?key|"
    r"subscription-key|pass(?:word|wd)|pwd|secret|client[_-]?secret|auth|session(?:id)?|code_verifier|"
    r"x-amz-(?:signature|credential|security-token)|x-goog-signature)=([^\s&;#\"'<>⟦⟧]{1,2000})",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?=[A-Za-z_-]{0,30}[0-9])[A-Za-z0-9_-]{20,250}"  # OpenAI, Anthropic, OpenRouter, DeepSeek
    r"|gh[oprsu]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}"
    r"|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,250}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{20,250}"
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/]{24,100}"
    r"|glpat-[A-Za-z0-9_.-]{20,100}|hf_[A-Za-z0-9]{30,60}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250}"
    r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}|(?:SK|AC)[0-9a-f]{32}(?![0-9a-f])"
    r")"
)
_MORE_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"GOCSPX-[A-Za-z0-9_-]{28}|do[opr]_v1_[a-f0-9]{64}|dapi[a-f0-9]{32}(?:-[0-9])?|dckr_pat_[A-Za-z0-9_-]{27}"
    r"|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}|key-[a-f0-9]{32}"
    r"|[a-f0-9]{32}-us[0-9]{1,2}|[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"  # Mailchimp, Telegram
    r"|[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"  # Discord
    r"|hv[bsr]\.[A-Za-z0-9_-]{24,200}|lin_api_[A-Za-z0-9]{40}|secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,60}"
    r"|dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9_.-]{40,60}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}"
    r"|NRAK-[A-Z0-9]{27}|gsk_[A-Za-z0-9]{40,64}|xai-[A-Za-z0-9]{40,100}|pplx-[A-Za-z0-9]{40,64}|r8_[A-Za-z0-9]{37}"
    r"|sb[pv]?_(?:secret_)?[A-Za-z0-9_]{36,64}|tskey-[a-z]{2,10}-[A-Za-z0-9-]{20,60}|ATATT3[A-Za-z0-9_=-]{60,250}"
    r"|pat[A-Za-z0-9]{14}\.[a-f0-9]{64}|sl\.[A-Za-z0-9_-]{60,250}|sntry[su]_[A-Za-z0-9+/=_-]{40,250}"
    r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}|lsv2_[a-z]{2}_[a-f0-9]{32}_[a-f0-9]{10}|rubygems_[a-f0-9]{48}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{58}|gl(?:rt|dt|cbt|ptt|soat)-[A-Za-z0-9_-]{20,60}|pcsk_[A-Za-z0-9_]{40,90}"
    r"|sess-[A-Za-z0-9]{40}|EAAA[A-Za-z0-9_-]{60}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}"
    r")"
)
_MORE_MARKS = (
    *(
        "GOCSPX-",
        "_v1_",
        "dapi",
        "dckr_pat_",
        "shpat_",
        "shpca_",
        "shppa_",
        "shpss_",
        "sq0",
        "key-",
        "-us",
        ":AA",
        "hvs.",
    ),
    *("hvb.", "hvr.", "lin_api_", "secret_", "ntn_", "dp.", "PMAK-", "glsa_", "NRAK-", "gsk_", "xai-", "pplx-", "r8_"),
    *(
        "sb_",
        "sbp_",
        "sbv_",
        "tskey-",
        "ATATT3",
        "pat",
        "sl.",
        "sntry",
        ".atlasv1.",
        "lsv2_",
        "rubygems_",
        "AGE-SECRET",
    ),
    *("glrt-", "gldt-", "glcbt-", "glptt-", "glsoat-", "pcsk_", "sess-", "EAAA", "pscale_"),
)
_DISCORD = re.compile(r"\.[A-Za-z0-9_-]{6}\.")
_WEBHOOK = re.compile(
    r"https://(?:hooks\.slack\.com/(?:services|workflows|triggers)/|(?:[a-z]{1,10}\.)?discord(?:app)?\.com/api/webhooks/"
    r"|[a-z0-9-]{1,60}\.webhook\.office\.com/webhookb2/)([A-Za-z0-9_@/.-]{20,300})"
)
_KEY_MARKS = (
    *("sk-", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "AKIA", "ASIA", "AROA", "AIDA", "AIza", "ya29."),
    *("xox", "xapp-", "k_live_", "k_test_", "whsec_", "glpat-", "hf_", "npm_", "pypi-", "SG.", "SK", "AC"),
)
# The class before the look-behind keeps attempts from overlapping: each run of such characters is read once.
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,8000}){0,3}")
_AUTHORIZATION = re.compile(
    r"(?:[Bb]earer|[Aa]uthorization\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?(?:[Bb]asic|[Tt]oken))\s{1,3}"
    r"(?=[A-Za-z._~+/-]{0,200}[0-9=])([A-Za-z0-9._~+/-]{12,2000}={0,2})"
)
_PASSWORD_WORDS = ("password", "passwd", "passphrase", "passcode", "pwd", "kennwort", "passwort", "contraseña")
# One flat choice of plain words, on text in small letters: `re` then looks only where one of them begins.
_ASSIGNED = re.compile(
    rf"({'|'.join(_PASSWORD_WORDS)}"
    r"|secret|token|api[_ -]?key|access[_-]?key|secret[_-]?key|private[_-]?key|account[_-]?key|auth[_-]?key)"
    r"\\?[\"']?\s{0,3}([:=]|\bis\b)\s{0,3}"
    r"(?:\\?\"([^\"\\\n⟦⟧]{1,300})|\\?'([^'\\\n⟦⟧]{1,300})|([^\s\"'<>⟦⟧\\]{4,500})(?=(\s[a-z])?))"
)
_CAPITALS = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _lowered(text: str) -> str:
    low = text.lower()
    # A few letters, such as the Turkish İ, grow when they are made small; places must stay where they are.
    return low if len(low) == len(text) else text.translate(_CAPITALS)


def _may_be_assigned(text: str) -> bool:
    low = _lowered(text)
    return any(word in low for word in ("pass", "pwd", "wort", "contrase", "secret", "token", "key"))


def _assigned(text: str) -> Iterator[Find]:
    for match in _ASSIGNED.finditer(_lowered(text)):
        quoted = match.lastindex if match.lastindex in (3, 4) else None
        start, end = match.span(quoted or 5)
        value = text[start:end] if quoted else text[start:end].rstrip(",;.!?)]}")
        if _is_secret(value, match, bool(quoted)):
            yield Find(start, start + len(value), value)


def _is_secret(value: str, match: re.Match[str], quoted: bool) -> bool:
    word = value.isalpha() and (value.islower() or value.istitle())
    if match[1] not in _PASSWORD_WORDS:
        return len(value) >= 8 and not word and any(char.isdigit() for char in value)
    if len(value) < 4 and not quoted:
        return False
    if value[:1] in "$({[%" or "://" in value:
        return False  # a variable or a link, not the thing itself
    if match[2] == "is":
        return not value.isalpha()  # "my password is wrong" is a sentence
    # So is "Password: how do I reset it".
    return quoted or match[2] == "=" or not (word and match[6])


# Persons ------------------------------------------------------------------------------------------

_EMAIL = re.compile(
    r"(?<![\w.%+'-])[\w.%+'-]{1,64}(?:@|%40| ?\[at\] ?| ?\(at\) ?)"
    r"((?:[\w-]{1,63}\.){1,8}[A-Za-z\u00a1-\uffef]{2,24})(?![\w-])"
)
_HEX_GROUPS = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{3,39}(?![\w:])")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_IPV4 = re.compile(rf"(?<![\w.])({_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET})(?!\.?\w)")
_VERSION = re.compile(r"(?:\bv|version|release|build|firmware)[ :=]{0,2}$", re.IGNORECASE)
_NO_PERSON = frozenset(("0.0.0.0", "127.0.0.1", "255.255.255.255"))  # noqa: S104  (not listened on)

_SEPARATORS = " ().+-/\u00a0"
_NO_SEPARATORS = dict.fromkeys(map(ord, _SEPARATORS))
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9])")
_IBAN_LONGEST = 70
_IBAN_LEAST_DIGITS = 9
_IBAN_CHARS = re.compile(r"(?:[ -]?[A-Za-z0-9]){15,34}")
_IBAN_NUMBERS = {ord("A") + number: str(10 + number) for number in range(26)}
_IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        "([A-Z]{2})([0-9]{2})",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27"
        "GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19"
        "MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23"
        "TN24TR26UA29VA22VG24XK20",
    )
}
# Looked at, not consumed: the digits before a card may look like the beginning of one.
_CARD = re.compile(
    r"[2-6](?<![0-9]{2})(?=([0-9]{12,18}(?![0-9])"
    r"|[0-9]{3}([ \u00a0-])[0-9]{4}\2[0-9]{4}\2[0-9]{1,4}(?![0-9])(?:\2[0-9]{1,3}(?![0-9]))?"
    r"|[0-9]{3}([ \u00a0-])[0-9]{6}\3[0-9]{4,5}(?![0-9])))"
)
_CARD_LENGTHS = {"2": (16,), "3": (14, 15, 16), "4": (13, 16, 19), "5": (16,), "6": (16, 17, 18, 19)}
_DOUBLED = str.maketrans("0123456789", "0246813579")
"""A digit to the sum of the digits of its double."""

_GAP = r"[ ().\-/\u00a0]"
_EXTENSION = r"(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"
_PHONE = re.compile(
    # +49 (0)170 123-4567: the plus says it
    rf"(?<![\w+])(?:\+[0-9](?:{_GAP}{{0,3}}[0-9]){{6,14}}(?![0-9]){_EXTENSION}"
    # (415) 555-2671, (030) 1234567
    rf"|\([0-9]{{2,5}}\)[ .-]?[0-9]{{2,4}}[ .-]?[0-9]{{3,4}}(?:[ .-]?[0-9]{{2,4}})?{_EXTENSION}(?!\w)"
    # 0049 170 1234567
    r"|(?<![.-])(?:00[1-9][0-9]{0,2}[ ./-][0-9](?:[ ./-]?[0-9]){5,12}(?![0-9])"
    # 415-555-2671: the grouping of North America
    rf"|(?:1[ .-])?[2-9][0-9]{{2}}(?P<us>[ .-])[2-9][0-9]{{2}}(?P=us)[0-9]{{4}}{_EXTENSION}(?![\w-])"
    # 030 12345678, 0170/1234567, 07700 900123, 020 7946 0958
    r"|0[1-9][0-9]{1,3}[ /-][0-9]{3,8}(?:[ -][0-9]{2,8}){0,3}(?![\w-])"
    # 06 12 34 56 78, 01.23.45.67.89
    r"|0[1-9](?P<fr>[ .])[0-9]{2}(?P=fr)[0-9]{2}(?P=fr)[0-9]{2}(?P=fr)[0-9]{2}(?![\w-])"
    # 08-982 597 91, 0762-32 86 01
    r"|0[1-9][0-9]{0,3}-[0-9]{2,3} [0-9]{2,3} [0-9]{2}(?![\w-])"
    # ten or eleven digits after one zero, without a gap: numbers of orders hardly ever begin so
    r"|0[1-9][0-9]{8,9}(?![\w-])))"
)
_EXTENDED = re.compile(r" ?(?:x|ext).*", re.DOTALL)
_PHONE_WORD = re.compile(
    r"(?<![A-Za-z])(?:(?:tele)?phone|tel|mobile|cell|handy|telefon|whatsapp|fax|sms|(?:call|text|ring|reach) (?:me|us))"
    r"(?: ?(?:number|no\.?|nr\.?))?[ :=.]{0,3}(?:(?:is|at|on|under)[ :]{1,2})?"
    r"(\(?[0-9](?:[ ().-]{0,2}[0-9]){6,14})(?![\w-])",
    re.IGNORECASE,
)


def _emails(text: str) -> Iterator[Find]:
    for match in _EMAIL.finditer(text):
        yield Find(match.start(), match.end(), match[0].casefold())


def _ibans(text: str) -> Iterator[Find]:
    for match in _IBAN_START.finditer(text):
        start = match.start()
        length = _IBAN_LENGTHS.get(match[0][:2].upper())
        chars = _IBAN_CHARS.match(text, start, start + _IBAN_LONGEST) if length else None
        if length and chars and (end := _end_of_iban(chars[0], length)):
            yield Find(start, start + end, chars[0][:end].translate(_NO_SEPARATORS).upper())


def _end_of_iban(text: str, length: int) -> int | None:
    """Where the IBAN ends that the text begins with; words behind it may look like more of it."""
    compact = text.translate(_NO_SEPARATORS)[:length].upper()
    if len(compact) < length or int((compact[4:] + compact[:4]).translate(_IBAN_NUMBERS)) % 97 != 1:
        return None
    if sum(char.isdigit() for char in compact) < _IBAN_LEAST_DIGITS:
        return None  # one ordinary sentence in 97 passes the check
    places = [place for place, char in enumerate(text) if char not in _SEPARATORS]
    return places[length - 1] + 1


def _cards(text: str) -> Iterator[Find]:
    for match in _CARD.finditer(text):
        shown = match[0] + match[1]
        # The last group may be the security code.
        for each in (shown, shown[: max(shown.rfind(" "), shown.rfind("-"), 0)]):
            if _is_card(digits := _digits(each)):
                yield Find(match.start(), match.start() + len(each), digits)
                break


def _is_card(digits: str) -> bool:
    if len(digits) not in _CARD_LENGTHS.get(digits[:1], ()):
        return False
    # The check of Luhn, as a sum of character codes: this runs for every long number of a log.
    summed = digits[-1::-2] + digits[-2::-2].translate(_DOUBLED)
    return (sum(summed.encode()) - 48 * len(summed)) % 10 == 0 and len(set(digits)) > 1


def _ip_addresses(text: str) -> Iterator[Find]:
    if text.count(":") >= 2:
        yield from _ipv6(text)
    if text.count(".") >= 3:
        for match in _IPV4.finditer(text):
            if match[0] not in _NO_PERSON and not _VERSION.search(text[max(match.start() - 12, 0) : match.start()]):
                yield Find(match.start(), match.end(), match[0])


def _ipv6(text: str) -> Iterator[Find]:
    for match in _HEX_GROUPS.finditer(text):
        # "a::b" is C++ and "::1" is everybody: an address has digits and three groups at least.
        if match[0].count(":") >= 3 and any(char.isdigit() for char in match[0]):
            try:
                address = ipaddress.IPv6Address(match[0])
            except ValueError:
                continue
            yield Find(match.start(), match.end(), address.compressed)


def _phones(text: str) -> Iterator[Find]:
    for pattern, group in ((_PHONE, 0), (_PHONE_WORD, 1)):
        for match in pattern.finditer(text):
            digits = _digits(_EXTENDED.sub("", match[group])).removeprefix("00")
            if len(digits) == 11:
                digits = digits.removeprefix("1")  # 1-800-433-7300 is 800-433-7300
            if _is_phone(digits):
                yield Find(match.start(group), match.end(group), digits)


def _digits(text: str) -> str:
    return text.translate(_NO_SEPARATORS)


def _is_phone(digits: str) -> bool:
    return 7 <= len(digits) <= 15 and len(set(digits)) > 1


_NUMBER = re.compile(rf"[0-9]{_GAP}{{0,3}}(?:[0-9]{_GAP}{{0,3}}){{6}}")
_LONG_NUMBER = re.compile(r"[0-9]{2}(?:[ \u00a0-]?[A-Za-z0-9]){11}")


def _may_hold_more_keys(text: str) -> bool:
    return any(mark in text for mark in _MORE_MARKS) or (text.count(".") > 1 and _DISCORD.search(text) is not None)


def _has_number(text: str) -> bool:
    return _NUMBER.search(text) is not None


def _has_long_number(text: str) -> bool:
    return _LONG_NUMBER.search(text) is not None


FINDERS: tuple[Finder, ...] = (
    Finder("SECRET", lambda text: "PRIVATE KEY" in text, lambda text: _whole(_PRIVATE_KEY, text)),
    Finder("CREDENTIALS", lambda text: "://" in text and "@" in text, lambda text: _group(_CREDENTIALS, text)),
    Finder("SECRET", lambda text: any(mark in text for mark in _KEY_MARKS), lambda text: _whole(_KEY, text)),
    Finder("SECRET", _may_hold_more_keys, lambda text: _whole(_MORE_KEYS, text)),
    Finder("SECRET", lambda text: "https://" in text and "hook" in text, lambda text: _group(_WEBHOOK, text)),
    Finder("SECRET", lambda text: "eyJ" in text, lambda text: _whole(_JWT, text)),
    Finder(
        "SECRET", lambda text: "=" in text and ("?" in text or "&" in text), lambda text: _group(_QUERY_TOKEN, text)
    ),
    Finder("SECRET", lambda text: "earer" in text or "uthorization" in text, lambda text: _group(_AUTHORIZATION, text)),
    Finder("SECRET", _may_be_assigned, _assigned),
    Finder("EMAIL", lambda text: "@" in text or "%40" in text or "at]" in text or "at)" in text, _emails),
    Finder("IBAN", _has_long_number, _ibans),
    Finder("CARD", _has_long_number, _cards),
    Finder("IP", lambda text: text.count(".") >= 3 or text.count(":") >= 3, _ip_addresses),
    Finder("PHONE", _has_number, _phones),
)
"""In the order in which they run: secrets may hold what looks like a number, cards what looks like a phone."""
