"""What every provider that is reached through an SDK has in common: a server, a key, a client for a run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, Self

from generator.drafting.providers.failures import Caller
from generator.drafting.providers.provider import Server


class HostedProvider(ABC):
    """Holds an SDK's client open for the length of a run; subclasses say which, what is sent and how it is read."""

    name: ClassVar[str]
    title: ClassVar[str]
    """Its name in sentences."""

    def __init__(
        self, model: str, server: Server, *, api_key: str, free: bool = False, timeout_s: float = 120.0
    ) -> None:
        self.model = model
        self.free = free
        self._server = server
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._caller = Caller(self.title if server.own else server.host, model, server.key_variable, (api_key,))
        self._open_client: Any = None

    @property
    def priced_as(self) -> str | None:
        """Published prices hold for the provider itself only."""
        return self.name if self._server.own else None

    @property
    def params(self) -> Mapping[str, str | int | bool]:
        """The server; one model name may mean another model elsewhere."""
        return {"base_url": self._server.base_url}

    @property
    def _client(self) -> Any:
        if self._open_client is None:
            raise RuntimeError("a provider is used inside `async with`")
        return self._open_client

    @abstractmethod
    def _connect(self, **options: Any) -> Any:
        """The SDK's asynchronous client with these options."""

    async def __aenter__(self) -> Self:
        import httpx2

        timeout = httpx2.Timeout(self._timeout_s, connect=10.0)
        self._open_client = self._connect(
            api_key=self._api_key,
            base_url=self._server.base_url,
            # One attempt is one request: retries are ours to count and to pay for.
            max_retries=0,
            timeout=timeout,
            http_client=httpx2.AsyncClient(timeout=timeout, trust_env=not self._server.local),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open_client is not None:
            await self._open_client.close()
            self._open_client = None
