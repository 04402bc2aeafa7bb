"""Who asked, and in which conversation, as logs write it."""

from collections.abc import Mapping, Sequence
from typing import Any

USERS = (
    *("user_id", "userId", "end_user", "end_user_id", "endUserId", "user", "username", "customer_id", "customerId"),
    *("request_user_id", "user.id", "enduser.id", "hashed_ip", "langfuse.user.id", "langfuse.trace.user_id"),
    *("ai.telemetry.metadata.userId", "ai.telemetry.metadata.user_id", "user_api_key_end_user_id"),
    *("traceloop.association.properties.user_id", "gen_ai.user.id", "safety_identifier"),
)
"""Keys that say who asked, the surest first."""
CONVERSATIONS = (
    *("conversation_id", "conversationId", "conversation_hash", "session_id", "sessionId", "thread_id", "threadId"),
    *(
        "chat_id",
        "chatId",
        "gen_ai.conversation.id",
        "session.id",
        "langfuse.session.id",
        "ai.telemetry.metadata.sessionId",
    ),
    *("traceloop.association.properties.session_id", "traceloop.association.properties.thread_id"),
)
"""Keys that say to which conversation something belongs."""
_INSIDE = ("metadata", "extra", "properties", "request_properties", "context")
_LONGEST = 500


def user_of(*holders: Any) -> str | None:
    """Who asked, by the first of these objects that says so, itself or one level down."""
    return _first(holders, USERS)


def conversation_of(*holders: Any) -> str | None:
    """The conversation that the first of these objects names, itself or one level down."""
    return _first(holders, CONVERSATIONS)


def _first(holders: Sequence[Any], keys: Sequence[str]) -> str | None:
    for holder in holders:
        if isinstance(holder, dict):
            for each in (holder, *(holder[name] for name in _INSIDE if isinstance(holder.get(name), dict))):
                if found := _name_in(each, keys):
                    return found
    return None


def _name_in(holder: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    for key in keys:
        value = holder.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip() and len(value) <= _LONGEST:
            return value.strip()
    return None
