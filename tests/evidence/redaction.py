"""What redaction finds of planted values and masks besides, and how long it takes on texts made to slow it down.

10,000 values drawn at random, of every structured kind, each in a sentence that a log would have. Recall: the
share of which no form is left. Precision: the share of what was masked, by kind, that was planted, over the
sentences with plants and as many ordinary ones that only look like it (order numbers, dates, versions, prices).
Then texts of 1 MB that are made to slow a pattern down. Exits 1 where a secret escapes.

    python tests/evidence/redaction.py [PLANTS]
"""

import random
import re
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from generator.logs.redaction import Redactor
from tests.drafting.plants import _SAID, MAKERS
from tests.logs.test_redaction import _BOMBS

PLANTS = 10_000
MEGABYTE = 1_000_000
_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def _some(rng: random.Random, letters: str, size: int) -> str:
    return "".join(rng.choices(letters, k=size))


MORE_MAKERS: dict[str, Callable[[random.Random], str]] = {
    "telegram": lambda rng: f"{rng.randrange(10**8, 10**10)}:AA{_some(rng, _ALNUM + '-_', 33)}",
    "databricks": lambda rng: f"dapi{_some(rng, _HEX, 32)}",
    "digital ocean": lambda rng: f"dop_v1_{_some(rng, _HEX, 64)}",
    "shopify": lambda rng: f"shpat_{_some(rng, _HEX, 32)}",
    "google client": lambda rng: f"GOCSPX-{_some(rng, _ALNUM + '-_', 28)}",
    "vault": lambda rng: f"hvs.{_some(rng, _ALNUM, 24)}",
    "grafana": lambda rng: f"glsa_{_some(rng, _ALNUM, 32)}_{_some(rng, _HEX, 8)}",
    "groq": lambda rng: f"gsk_{_some(rng, _ALNUM, 52)}",
    "slack webhook": lambda rng: (
        f"T{_some(rng, string.ascii_uppercase, 8)}/B{_some(rng, string.ascii_uppercase, 8)}/{_some(rng, _ALNUM, 24)}"
    ),
    "phone, national": lambda rng: rng.choice(
        [
            f"({rng.randrange(201, 990)}) {rng.randrange(200, 999)}-{rng.randrange(10**3, 10**4)}",
            f"0{rng.randrange(15, 18)}{rng.randrange(10)} {rng.randrange(10**6, 10**7)}",
            f"07{rng.randrange(100, 999)} {rng.randrange(10**5, 10**6)}",
            f"06 {rng.randrange(10, 99)} {rng.randrange(10, 99)} {rng.randrange(10, 99)} {rng.randrange(10, 99)}",
        ]
    ),
    "ipv6": lambda rng: ":".join(f"{rng.randrange(0x1000, 0xFFFF):x}" for _ in range(8)),
    "e-mail, obscured": lambda rng: (
        f"{_some(rng, string.ascii_lowercase, 8)} [at] {_some(rng, string.ascii_lowercase, 6)}.example"
    ),
    "card, grouped": lambda rng: " ".join(re.findall(".{4}", MAKERS["card"](rng))),
    "iban, grouped": lambda rng: " ".join(re.findall(".{1,4}", MAKERS["iban"](rng))),
}
_MORE_SAID = {"slack webhook": "Posting to https://hooks.slack.com/services/{} gives no_service."}
PERSONAL = {
    "card": "CARD",
    "card, grouped": "CARD",
    "iban": "IBAN",
    "iban, grouped": "IBAN",
    "e-mail": "EMAIL",
    "e-mail, obscured": "EMAIL",
    "phone": "PHONE",
    "phone, national": "PHONE",
    "ip": "IP",
    "ipv6": "IP",
    "credentials in an address": "CREDENTIALS",
}
"""Kinds whose placeholder is not SECRET."""
_FRAMES = (
    "My order has this in it: {} what is wrong?",
    "why is {} refused",
    "Please look up {} for me, it fails.",
    "{}",
    '{{"value": "{}", "ok": false}}',
    "It says ({}) since this morning.\nThanks",
)


@dataclass(frozen=True)
class Plant:
    """A value in the sentence that holds it."""

    kind: str
    value: str
    text: str


def plants(count: int, random_state: int = 17) -> Iterator[Plant]:
    """Values of all kinds in turn."""
    rng = random.Random(random_state)
    makers = {**MAKERS, **MORE_MAKERS}
    said = {**_SAID, **_MORE_SAID}
    for number in range(count):
        kind = list(makers)[number % len(makers)]
        value = makers[kind](rng)
        yield Plant(kind, value, said.get(kind, rng.choice(_FRAMES)).format(value))


def ordinary(count: int, random_state: int = 23) -> Iterator[str]:
    """Sentences with nothing personal in them that look as if."""
    rng = random.Random(random_state)
    makers: tuple[Callable[[], str], ...] = (
        lambda: f"order FH-{rng.randrange(10**5, 10**6)} and invoice {rng.randrange(10**9, 10**10)}",
        lambda: (
            f"on 20{rng.randrange(10, 30)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02} "
            f"at 15:{rng.randrange(60):02}:00"
        ),
        lambda: f"parcel 1Z{_some(rng, string.ascii_uppercase + string.digits, 16)} is late",
        lambda: (
            f"version {rng.randrange(20)}.{rng.randrange(20)}.{rng.randrange(20)}, build 10.0.{rng.randrange(9999)}.1"
        ),
        lambda: f"costs {rng.randrange(1, 9999):,}.{rng.randrange(100):02} EUR, not {rng.randrange(1, 999)}.99",
        lambda: f"flight UA {rng.randrange(1, 9999)} seat {rng.randrange(1, 40)}A to gate B{rng.randrange(60)}",
        lambda: f"commit {_some(rng, _HEX, 40)} broke it",
        lambda: (
            f"trace {_some(rng, _HEX, 8)}-{_some(rng, _HEX, 4)}-4{_some(rng, _HEX, 3)}"
            f"-a{_some(rng, _HEX, 3)}-{_some(rng, _HEX, 12)}"
        ),
        lambda: (
            f"ISBN 978-{rng.randrange(10)}-{rng.randrange(10**4, 10**5)}-{rng.randrange(100, 999)}-{rng.randrange(10)}"
        ),
        lambda: f"since {rng.randrange(1_600_000_000, 1_800_000_000)} my password is wrong, reset the token please",
        lambda: f"std::vector<a::b> at 00:1B:44:11:3A:{rng.randrange(16, 99)}",
        lambda: (
            f"room {rng.randrange(10, 99)} {rng.randrange(10, 99)}, "
            f"seats {rng.randrange(100, 999)} {rng.randrange(100, 999)}"
        ),
    )
    for number in range(count):
        yield f"Please help: {makers[number % len(makers)]()}."


@dataclass(frozen=True)
class Figures:
    """What was found of one run."""

    planted: Counter[str]
    found: Counter[str]
    """Plants of which nothing is left, by kind."""
    escaped: tuple[Plant, ...]
    right: Counter[str]
    """Placeholders that stand for a plant of their kind."""
    wrong: Counter[str]
    """Placeholders in ordinary sentences, or of another kind than the plant."""


def measure(count: int) -> Figures:
    """Redact plants and ordinary sentences."""
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    escaped = []
    redactor = Redactor(b"k" * 32, {})
    for plant in plants(count):
        after = redactor.redact(plant.text)
        planted[plant.kind] += 1
        # A plant has escaped where half of it can be read.
        half = plant.value[: max(6, len(plant.value) // 2)]
        if half in after or plant.value[-max(6, len(plant.value) // 2) :] in after:
            escaped.append(plant)
        else:
            found[plant.kind] += 1
        wanted = PERSONAL.get(plant.kind, "SECRET")
        for kind, masked in redactor.drain().counts.items():
            (right if kind == wanted else wrong)[kind] += masked
    for text in ordinary(count):
        redactor.redact(text)
        wrong.update(redactor.drain().counts)
    return Figures(planted, found, tuple(escaped), right, wrong)


def slowest(size: int) -> tuple[float, str]:
    """The longest time that a text of so many characters takes, in seconds, and what it repeats."""
    times = []
    for unit in _BOMBS:
        for text in (unit * (size // len(unit)), "1" + unit * (size // len(unit)) + "@."):
            started = time.process_time()
            Redactor(b"k" * 32, {}).redact(text)
            times.append((time.process_time() - started, unit))
    return max(times)


def main() -> int:
    """Print the figures; 1 where a secret has escaped."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PLANTS
    started = time.perf_counter()
    figures = measure(count)
    took = time.perf_counter() - started
    print(f"{'kind':28} {'planted':>7} {'found':>7} {'recall':>8}")
    for kind, planted in figures.planted.items():
        print(f"{kind:28} {planted:7,} {figures.found[kind]:7,} {figures.found[kind] / planted:8.2%}")
    total = figures.planted.total()
    print(f"{'all':28} {total:7,} {figures.found.total():7,} {figures.found.total() / total:8.2%}")
    print(f"\n{'masked as':28} {'right':>7} {'wrong':>7} {'precision':>9}")
    for kind in sorted(figures.right | figures.wrong):
        right, wrong = figures.right[kind], figures.wrong[kind]
        print(f"{kind:28} {right:7,} {wrong:7,} {right / (right + wrong):9.2%}")
    secrets = [each for each in figures.escaped if each.kind not in PERSONAL]
    structured = sum(planted for kind, planted in figures.planted.items() if kind not in PERSONAL)
    print(f"\nstructured secrets that escaped: {len(secrets)} of {structured:,}")
    for plant in figures.escaped[:10]:
        print(f"  escaped: {plant.kind}: {plant.text!r}")
    print(f"{2 * count:,} sentences in {took:.1f} s, {1000 * took / (2 * count):.3f} ms each")
    took, unit = slowest(MEGABYTE)
    print(f"1 MB of {len(_BOMBS)} adversarial texts, twice each: the slowest took {took:.2f} s ({unit!r} repeated)")
    return 1 if secrets else 0


if __name__ == "__main__":
    sys.exit(main())
