"""What every provider that is reached through an SDK has in common: a server, a key, a client for a run."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, ClassVar, Self

from generator.drafting.providers.batches import BatchLimits, RemoteBatch, Row
from generator.drafting.providers.failures import Caller, classify
from generator.drafting.providers.provider import Answer, CallFailed, RawAnswer, Server
from generator.drafting.questions import Question

_ECHO_LOOKED_FOR = 1_000_000
"""So many characters of a batch are compared with what an error says."""


class HostedProvider(ABC):
    """Holds an SDK's client open for the length of a run; subclasses say which, what is sent and how it is read."""

    name: ClassVar[str]
    title: ClassVar[str]
    """Its name in sentences."""
    limits: ClassVar[BatchLimits]
    listens = True

    def __init__(
        self, model: str, server: Server, *, api_key: str, free: bool = False, timeout_s: float = 120.0
    ) -> None:
        self.model = model
        self.free = free
        self._server = server
        self._api_key = api_key
        self.timeout_s = timeout_s
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

    @property
    def server(self) -> str:
        """The address that calls go to."""
        return self._server.base_url

    @property
    def who(self) -> str:
        """The server in sentences."""
        return self._caller.who

    @abstractmethod
    async def send(self, question: Question) -> RawAnswer:
        """Send one request, once."""

    @abstractmethod
    def parse(self, raw: bytes) -> Answer:
        """Read a reply, or a row of a batch."""

    @property
    @abstractmethod
    def keeps_nonces(self) -> bool:
        """Whether every batch made here carries our mark for sure."""

    # Batches. Control requests cost nothing; what each raises is a `CallFailed`, as for a call.

    @abstractmethod
    def batch_entry(self, key: str, question: Question) -> Mapping[str, Any]:
        """What a batch holds for one call."""

    @abstractmethod
    async def submit(self, entries: Sequence[Mapping[str, Any]], nonce: str) -> str:
        """Hand over a batch; returns the provider's name for it."""

    @abstractmethod
    async def look(self, remote: str) -> RemoteBatch:
        """How far a batch is."""

    @abstractmethod
    async def recent(self, since: datetime) -> list[RemoteBatch]:
        """Batches made since then, of whoever uses this key."""

    @abstractmethod
    def rows(self, batch: RemoteBatch) -> AsyncIterator[Row]:
        """The results of a batch that has ended, in the order in which the provider gives them."""

    def _failure(self, error: Exception, entries: Sequence[Mapping[str, Any]] = ()) -> CallFailed:
        sent = ""
        for entry in entries:
            if len(sent) > _ECHO_LOOKED_FOR:
                break
            sent += str(entry)
        return classify(error, self._caller, sent)

    @abstractmethod
    def _connect(self, **options: Any) -> Any:
        """The SDK's asynchronous client with these options."""

    async def __aenter__(self) -> Self:
        import httpx2

        timeout = httpx2.Timeout(self.timeout_s, connect=10.0)
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
