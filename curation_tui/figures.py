"""Numbers in words, the same everywhere on the screen."""


def percent(share: float) -> str:
    """A share of traffic, for example "2.3 %"."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares in percentage points, for example "+0.42"."""
    return f"{100 * share:+.2f}"


def counted(number: int, noun: str) -> str:
    """A number with its noun, for example "1 sample" or "3 samples"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
