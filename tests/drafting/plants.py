"""Secrets and personal data of every structured kind, made at random in the shapes that their makers give out.

None is real: the letters are drawn, and check digits are worked out so that validators take them for real ones.
"""

import base64
import binascii
import json
import random
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from generator.records import Message, ToolCall

_ALNUM = string.ascii_letters + string.digits
_URL = _ALNUM + "-_"


def _some(rng: random.Random, letters: str, size: int) -> str:
    """Letters at random, a digit and a letter among them, as no real key is without."""
    return "7k" + "".join(rng.choices(letters, k=size - 2))


def _jwt(rng: random.Random) -> str:
    body = json.dumps({"sub": _some(rng, _ALNUM, 12), "exp": rng.randrange(10**9, 2 * 10**9)})
    parts = (b'{"alg":"HS256"}', body.encode())
    head, middle = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    return f"{head}.{middle}.{_some(rng, _URL, 43)}"


def _pem(rng: random.Random) -> str:
    lines = "\n".join(_some(rng, _ALNUM + "+/", 64) for _ in range(3))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


def _card(rng: random.Random) -> str:
    digits = "4" + "".join(rng.choices(string.digits, k=14))
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(digits)]
    check = -sum(each // 10 + each % 10 for each in doubled) % 10
    return f"{digits}{check}"


def _iban(rng: random.Random) -> str:
    account = "".join(rng.choices(string.digits, k=18))
    check = 98 - int(f"{account}131400") % 97
    return f"DE{check:02d}{account}"


MAKERS: Mapping[str, Callable[[random.Random], str]] = {
    "openai": lambda rng: f"sk-proj-{_some(rng, _URL, 48)}",
    "anthropic": lambda rng: f"sk-ant-api03-{_some(rng, _URL, 90)}",
    "github": lambda rng: f"{rng.choice(['ghp', 'gho', 'ghs'])}_{_some(rng, _ALNUM, 36)}",
    "github fine-grained": lambda rng: f"github_pat_{_some(rng, _ALNUM, 22)}_{_some(rng, _ALNUM, 59)}",
    "aws": lambda rng: f"{rng.choice(['AKIA', 'ASIA'])}{''.join(rng.choices(string.ascii_uppercase + '234567', k=16))}",
    "google": lambda rng: f"AIza{_some(rng, _URL, 35)}",
    "google oauth": lambda rng: f"ya29.{_some(rng, _URL, 60)}",
    "slack": lambda rng: f"xoxb-{rng.randrange(10**11, 10**12)}-{_some(rng, _ALNUM, 24)}",
    "stripe": lambda rng: f"{rng.choice(['sk', 'rk'])}_live_{_some(rng, _ALNUM, 24)}",
    "webhook": lambda rng: f"whsec_{_some(rng, _ALNUM, 32)}",
    "gitlab": lambda rng: f"glpat-{_some(rng, _URL, 20)}",
    "hugging face": lambda rng: f"hf_{_some(rng, _ALNUM, 34)}",
    "npm": lambda rng: f"npm_{_some(rng, _ALNUM, 36)}",
    "pypi": lambda rng: f"pypi-{_some(rng, _URL, 90)}",
    "sendgrid": lambda rng: f"SG.{_some(rng, _URL, 22)}.{_some(rng, _URL, 43)}",
    "twilio": lambda rng: f"SK{''.join(rng.choices('0123456789abcdef', k=32))}",
    "json web token": _jwt,
    "private key": _pem,
    "card": _card,
    "iban": _iban,
    "e-mail": lambda rng: f"{_some(rng, string.ascii_lowercase, 9)}.x@mail-{rng.randrange(1000)}.example.com",
    "phone": lambda rng: f"+49 {rng.randrange(150, 180)} {rng.randrange(10**6, 10**7)}",
    "ip": lambda rng: ".".join(str(rng.randrange(11, 250)) for _ in range(4)),
    "credentials in an address": lambda rng: f"app:{_some(rng, _ALNUM, 14)}",
    "token in a query": lambda rng: _some(rng, _ALNUM, 30),
    "bearer": lambda rng: _some(rng, _ALNUM, 40),
    "password": lambda rng: _some(rng, _ALNUM + "%$#", 12),
}

_SAID = {
    "credentials in an address": "It connects to postgres://{}@db.example.com/app and then stops.",
    "token in a query": "This link fails: https://x.example/report?id=4&access_token={} any idea?",
    "bearer": "I sent the header Authorization: Bearer {} and got 401.",
    "password": "I log in with password: {} and it is refused.",
}
_PLACES = ("user", "tool", "user", "tool", "system")
"""Of five in a row one has a system prompt: a drafter is shown one for each cluster."""
_ORDINARY = ("My order has this in it: {} what is wrong?", "why is {} refused", "Please look up {} for me, it fails.")


@dataclass(frozen=True)
class Plant:
    """A secret where a log would have it."""

    kind: str
    secret: str
    place: str
    """"user", "system" or "tool"."""
    mark: str
    """Harmless words beside it, by which its record is known again."""
    messages: tuple[Message, ...]


def plants(count: int, random_state: int) -> list[Plant]:
    """Plants of all kinds and in all places, in turn."""
    rng = random.Random(random_state)
    return [_plant(number, rng) for number in range(count)]


def _plant(number: int, rng: random.Random) -> Plant:
    kind = list(MAKERS)[number % len(MAKERS)]
    secret = MAKERS[kind](rng)
    said = _SAID.get(kind, rng.choice(_ORDINARY)).format(secret)
    mark = f"case-{_letters(number)}"
    place = _PLACES[number % len(_PLACES)]
    asked = Message("user", f"Where does my question {_letters(number)} stand?")
    if place == "user":
        return Plant(kind, secret, place, mark, (Message("user", f"{said} It is about {mark}."),))
    if place == "system":
        return Plant(kind, secret, place, mark, (Message("system", f"You help. {said} Never say {mark}."), asked))
    call = ToolCall("call_a", "look_up", json.dumps({"note": said, "case": mark}))
    result = Message("tool", json.dumps({"found": said}), (), "call_a")
    return Plant(kind, secret, place, mark, (asked, Message("assistant", "", (call,)), result))


def _letters(number: int) -> str:
    return "".join(string.ascii_lowercase[number // 26**power % 26] for power in (2, 1, 0))


def forms(secret: str) -> Iterator[str]:
    """A secret in every dress in which it could leave: as it is, escaped, encoded, and inside something encoded."""
    raw = secret.encode()
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(json.dumps(secret))[3:-3]
    yield quote(secret, safe="")
    yield quote(quote(secret, safe=""), safe="")
    yield binascii.hexlify(raw).decode()
    # Base64 of a text that holds it: three alignments, without the letters that its neighbours change.
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * shift + raw).decode().rstrip("=")[shift and shift + 1 : -1]
