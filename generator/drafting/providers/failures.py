"""What an SDK's exception means: billed or not, worth another try or not, and a text that is safe to keep.

Both SDKs name and nest their exceptions alike, so one table serves both. A request is repeated without
being asked only when the server said that it did no work, or was never reached.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from generator.drafting.providers.provider import Bill, CallFailed
from generator.drafting.providers.wire import dig
from generator.printable import one_line

_MASK = "[...]"
_SHINGLE = 16
"""A run of this many characters that the prompt has too counts as an echo of it."""
_MAX_DETAIL = 200

_KEYS = re.compile(
    r"\b(?:sk|pk|rk|key|api|gsk|xai|hf)[-_][\w*.\-]{6,200}|\bBearer\s+\S{4,300}|-----BEGIN.*"
    # Whatever is long, has letters and digits, and no spaces.
    r"|\b(?=[A-Za-z+/_=.-]{0,300}\d)(?=[\d+/_=.-]{0,300}[A-Za-z])[\w+/=.-]{20,300}",
    re.DOTALL,
)

_STATUS: Mapping[int, tuple[str, Bill]] = {
    400: ("bad_request", "refused"),
    401: ("unauthorised", "stop"),
    402: ("out_of_credit", "stop"),
    403: ("forbidden", "stop"),
    404: ("not_found", "stop"),
    413: ("too_large", "refused"),
    422: ("bad_request", "refused"),
    429: ("rate_limited", "retry"),
    503: ("unavailable", "retry"),
    529: ("overloaded", "retry"),
}
_OUT_OF_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_error"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request: what the sentences need, and what they must not repeat."""

    who: str
    """"OpenAI", or the address of a server."""
    model: str
    key_variable: str
    secrets: tuple[str, ...]


def classify(error: Exception, caller: Caller, prompt_text: str) -> CallFailed:
    """The failure that an exception of an SDK stands for."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _by_status(error, status, caller, prompt_text)
    import httpx2

    cause = error.__cause__
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return CallFailed("unreachable", "retry", f"Cannot reach {caller.who} ({type(cause).__name__}).")
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError | httpx2.ProxyError):
        return CallFailed("unsendable", "stop", f"The request to {caller.who} cannot be sent ({type(cause).__name__}).")
    if isinstance(cause, httpx2.TimeoutException):
        return CallFailed("timeout", "in_doubt", "no answer within the time limit")
    return CallFailed("cut_off", "in_doubt", f"the connection broke ({type(cause or error).__name__})")


def _by_status(error: Exception, status: int, caller: Caller, prompt_text: str) -> CallFailed:
    body = getattr(error, "body", None)
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", {})
    said = scrub(_message(body), caller.secrets, prompt_text)
    code = _code(body)
    if code in _OUT_OF_CREDIT:
        return CallFailed("out_of_credit", "stop", _stop_sentence(402, status, caller, said))
    name, bill = _STATUS.get(status, _other(status))
    if bill == "stop":
        return CallFailed(name, bill, _stop_sentence(status, status, caller, said))
    detail = " ".join(part for part in (str(status), code, said) if part)
    return CallFailed(name, bill, detail, retry_after(headers) if bill == "retry" else None)


def _other(status: int) -> tuple[str, Bill]:
    if status >= 500:
        return "server_error", "in_doubt"
    if status == 408:
        return "timeout", "in_doubt"
    return ("redirected", "stop") if 300 <= status < 400 else ("refused", "refused")


def _stop_sentence(meaning: int, status: int, caller: Caller, said: str) -> str:
    match meaning:
        case 401:
            text = f"{caller.who} does not accept the API key (401); set {caller.key_variable} to one that works."
        case 402:
            text = f"{caller.who} says that the account has no credit left ({status})."
        case 403:
            text = f"{caller.who} does not let this key use {caller.model} (403)."
        case 404:
            text = f"{caller.who} knows no model {caller.model} at this address (404)."
        case _:
            text = f"{caller.who} answers with a redirection ({status}); give the address that it points to."
    return f"{text} It says: {said}" if said else text


def _message(body: object) -> str:
    for path in (("error", "message"), ("message",), ("detail",)):
        text = dig(body, *path)
        if isinstance(text, str):
            return text
    return ""


def _code(body: object) -> str:
    for path in (("error", "code"), ("code",), ("error", "type"), ("type",)):
        code = dig(body, *path)
        if isinstance(code, str) and re.fullmatch(r"[a-z][a-z_]{2,40}", code):
            return code
    return ""


def scrub(text: str, secrets: Sequence[str], prompt_text: str) -> str:
    """What a server said, on one line, without keys and without pieces of the prompt that it echoes."""
    text = text[: 4 * _MAX_DETAIL]
    for secret in secrets:
        if secret:
            text = text.replace(secret, _MASK)
    text = _without_echo(_KEYS.sub(_MASK, text), prompt_text)
    return one_line(text, _MAX_DETAIL)


def _without_echo(text: str, prompt_text: str) -> str:
    echoed = [False] * len(text)
    for start in range(len(text) - _SHINGLE + 1):
        if text[start : start + _SHINGLE] in prompt_text:
            echoed[start : start + _SHINGLE] = [True] * _SHINGLE
    kept = "".join("\0" if masked else char for char, masked in zip(text, echoed, strict=True))
    return re.sub("\0+", _MASK, kept)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds a server asks us to wait, whichever way it says so; None where it does not."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return (at - datetime.now(UTC)).total_seconds()


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and number == number else None
