"""Gateways that log what passes through them: LiteLLM's payloads and spend rows, Helicone's requests."""

from collections.abc import Mapping
from typing import Any

from generator.logs.formats import anthropic_messages, openai_chat
from generator.logs.formats.content import unwrapped
from generator.logs.formats.raw import Format, RawTrace, UnusableError

_LITELLM = ("call_type", "response_cost", "spend", "request_tags", "end_user", "model_group", "proxy_server_request")


def _recognise_litellm(value: Any) -> str | None:
    if isinstance(value, dict) and "messages" in value and sum(key in value for key in _LITELLM) >= 3:
        return "messages with call_type and " + ("spend" if "spend" in value else "response_cost")
    return None


def _read_litellm(value: Any) -> RawTrace:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    messages = unwrapped(value.get("messages"))
    if not messages:
        asked = unwrapped(value.get("proxy_server_request"))
        body = asked.get("body", asked) if isinstance(asked, dict) else {}
        messages = unwrapped(body.get("messages")) if isinstance(body, dict) else None
    if not messages:
        raise UnusableError("the gateway did not store the prompt")
    information = value.get("error_information")
    failed = {"error": information.get("error_code") or None} if isinstance(information, dict) else {}
    status = {} if value.get("status") != "success" else {"status": ""}
    return openai_chat.read({**value, **failed, **status, "messages": messages})


def _recognise_helicone(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    if "request_body" in value and any(key.startswith("request_") and key != "request_body" for key in value):
        return "request_body with request_id or request_created_at"
    if "signed_body_url" in value and "request_id" in value:
        return "request_id with signed_body_url"
    return None


def _read_helicone(value: Any) -> RawTrace:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    body = unwrapped(value.get("request_body"))
    if not isinstance(body, dict) or not ("messages" in body or "input" in body or "prompt" in body):
        raise UnusableError("the bodies lie elsewhere (signed_body_url)" if value.get("signed_body_url") else "no body")
    row = _outcome(value)
    if "messages" not in body:
        row["request_body"] = {**body, "messages": _as_turns(body.get("input", body.get("prompt")))}
    read = anthropic_messages.read if anthropic_messages.recognise(row) else openai_chat.read
    return read(row)


def _as_turns(said: Any) -> Any:
    return [{"role": "user", "content": said}] if isinstance(said, str) else said


def _outcome(value: Mapping[str, Any]) -> dict[str, Any]:
    failed = value.get("response_status")
    row = {**value, "time": value.get("request_created_at")}
    if isinstance(failed, int) and failed >= 400:
        row["status_code"] = failed
    if isinstance(feedback := value.get("helicone_feedback") or value.get("feedback_rating"), str | bool | int):
        row["rating"] = feedback
    return row


LITELLM = Format(
    "litellm",
    _recognise_litellm,
    _read_litellm,
    paths={
        "input": "messages[], else proxy_server_request.body.messages[]",
        "answer": "response.choices[0].message",
        "time": "startTime",
        "user": "end_user, metadata.user_api_key_end_user_id",
        "conversation": "session_id",
        "outcome": "error_information.error_code, status unless success",
    },
    folds=True,
)
HELICONE = Format(
    "helicone",
    _recognise_helicone,
    _read_helicone,
    paths={
        "input": "request_body.messages[]",
        "answer": "response_body",
        "time": "request_created_at",
        "user": "request_user_id",
        "conversation": "request_properties of a session",
        "outcome": "response_status from 400 on, feedback",
    },
    folds=True,
)
