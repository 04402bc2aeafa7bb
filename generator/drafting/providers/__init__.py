"""Who answers the drafting prompt. SDKs are imported when a provider is used, not before."""

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from generator.drafting.providers.provider import Answer, CallFailed, Provider, RawAnswer, Server, Usage, label
from generator.errors import ProviderError

__all__ = [
    "Answer",
    "CallFailed",
    "Provider",
    "RawAnswer",
    "Server",
    "Usage",
    "default_model",
    "label",
    "open_provider",
]

ANTHROPIC_DEFAULT = "anthropic/claude-haiku-5-5"
OPENAI_DEFAULT = "openai/gpt-5.4-nano"

_HOME = {"anthropic": "https://api.anthropic.com", "openai": "https://api.openai.com/v1"}
_NAMES = "anthropic/MODEL, openai/MODEL or offline"


def default_model(environ: Mapping[str, str]) -> str:
    """The model when none was named: a cheap one of the provider whose key is in the environment, else the rules."""
    if environ.get("ANTHROPIC_API_KEY", "").strip():
        return ANTHROPIC_DEFAULT
    if environ.get("OPENAI_API_KEY", "").strip():
        return OPENAI_DEFAULT
    return "offline"


def open_provider(
    name: str,
    base_url: str | None = None,
    *,
    free: bool | None = None,
    timeout_s: float = 120.0,
    environ: Mapping[str, str] | None = None,
) -> Provider:
    """The provider of this name.

    Args:
        name: "anthropic/MODEL", "openai/MODEL" or "offline".
        base_url: a server that speaks the provider's protocol, in place of the provider itself.
        free: whether calls to that server cost nothing; left out, true for a server on this machine.
        timeout_s: how long one request may take.
        environ: where keys are looked up; the process's environment by default. A server that was given as
            `base_url` never gets the provider's own key, but GROUNDSET_API_KEY if that is set.

    Raises:
        ProviderError: the name or address is not of the right form, or there is no key.
    """
    environ = os.environ if environ is None else environ
    maker, _, model = name.strip().partition("/")
    if maker == "offline" and not model:
        from generator.drafting.providers.offline import OfflineProvider

        return OfflineProvider()
    if maker not in {"anthropic", "openai"} or not model.strip():
        raise ProviderError(f"There is no provider {name!r}; name a model as {_NAMES}.")
    server = _server(maker, base_url, environ)
    key = _key(name, server.key_variable, environ, needed=server.own)
    if maker == "openai":
        from generator.drafting.providers.openai import OpenAIProvider

        return OpenAIProvider(model, server, api_key=key, free=server.is_free(free), timeout_s=timeout_s)
    from generator.drafting.providers.anthropic import AnthropicProvider

    return AnthropicProvider(model, server, api_key=key, free=server.is_free(free), timeout_s=timeout_s)


def _server(maker: str, base_url: str | None, environ: Mapping[str, str]) -> Server:
    """Where requests go: to the address given, else to the one in the environment, else to the provider itself."""
    own_variable = f"{maker.upper()}_API_KEY"
    address = base_url or environ.get(f"{maker.upper()}_BASE_URL", "").strip()
    if not address:
        return Server(_HOME[maker], own=True, local=False, key_variable=own_variable)
    host = _host(address)
    own = host.endswith(f".{maker}.com")
    local = _is_loopback(host)
    return Server(address, own, local, "GROUNDSET_API_KEY" if base_url and not own else own_variable)


def _key(name: str, variable: str, environ: Mapping[str, str], *, needed: bool) -> str:
    key = environ.get(variable, "").strip()
    if not key and needed:
        raise ProviderError(f"{name} needs an API key; set {variable}, or draft without a model: --model offline")
    if not (key.isascii() and key.isprintable()):
        raise ProviderError(f"{variable} holds characters that no key has; set it again.")
    return key or "none"


def _host(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise ProviderError(f"{base_url!r} is no address of a server; it looks like http://localhost:11434/v1")
    return host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
