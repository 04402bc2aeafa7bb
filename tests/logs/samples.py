"""A small sample of every log format, written for this project; none is copied from anywhere."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ASKED = "Where is my parcel?"
THEN = "Then cancel it."
ANSWER = "It is on its way."
SYSTEM = "You help customers."
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"id": 7}'}}
TURNS = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": ASKED}]
LONGER = [*TURNS, {"role": "assistant", "content": ANSWER}, {"role": "user", "content": THEN}]


@dataclass(frozen=True)
class LogSample:
    """A file of one format and what must come out of it."""

    name: str
    content: bytes
    format: str
    units: int
    """Records, spans, observations or runs in it."""
    texts: Sequence[str]
    """What the users say, conversation by conversation."""
    answers: Sequence[str | None]
    rejected: int = 0
    signals: Mapping[str, Any] = field(default_factory=dict)
    """Outcomes of the first conversation."""
    roles: Sequence[str] | None = None
    """Roles of the first conversation."""
    system: str | None = None
    user: str | None = None


def _lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _attributes(**values: object) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": _value(value)} for key, value in values.items()]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}


def _otlp(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


def _span(number: int, attributes: list[dict[str, Any]], parent: int | None = None, **more: Any) -> dict[str, Any]:
    span = {
        "traceId": "a1",
        "spanId": f"s{number}",
        "name": "x",
        "startTimeUnixNano": str(1_731_368_630_000_000_000 + number),
    }
    return span | ({"parentSpanId": f"s{parent}"} if parent is not None else {}) | {"attributes": attributes} | more


def _event(name: str, **attributes: object) -> dict[str, Any]:
    return {"name": name, "timeUnixNano": "1731368630000000000", "attributes": _attributes(**attributes)}


_HTTP = _attributes(http__method="POST", http__route="/chat")
_PARTS_IN = [{"role": "user", "parts": [{"type": "text", "content": ASKED}]}]
_PARTS_OUT = [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "finish_reason": "stop"}]
_TOOL_PARTS = [
    *_PARTS_IN,
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"id": 7}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "shipped"}]},
]
_USED_TOOL = ["system", "user", "assistant", "tool"]


def _exchange(messages: object = TURNS, answer: str = ANSWER, **more: object) -> dict[str, Any]:
    response = {"id": "r", "created": 1731368630, "choices": [{"message": {"role": "assistant", "content": answer}}]}
    return {"request": {"model": "m", "messages": messages}, "response": response, **more}


def _phoenix(number: int, parent: str | None, kind: str, **attributes: object) -> dict[str, Any]:
    return {
        "name": "n",
        "context": {"trace_id": "t1", "span_id": f"s{number}"},
        "span_kind": kind,
        "parent_id": parent,
        "start_time": f"2026-01-02T03:04:0{number}+00:00",
        "status_code": "OK",
        "attributes": {key.replace("__", "."): value for key, value in attributes.items()},
        "events": [],
    }


def _claude_code(kind: str, content: object, **more: object) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": "u",
        "sessionId": "session-1",
        "timestamp": "2026-01-02T03:04:05Z",
        "message": {"role": kind, "content": content},
        **more,
    }


def _node(name: str, parent: str | None, role: str, text: str) -> dict[str, Any]:
    message = {
        "author": {"role": role},
        "content": {"content_type": "text", "parts": [text]},
        "create_time": 1731368630.5,
    }
    return {"id": name, "parent": parent, "children": [], "message": message}


_SPEND = {
    "call_type": "acompletion",
    "spend": 0.1,
    "end_user": "u7",
    "request_tags": "[]",
    "startTime": "2026-01-02 03:04:05",
}
_LANGCHAIN = [
    {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "HumanMessage"], "kwargs": {"content": ASKED}},
    {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "AIMessage"], "kwargs": {"content": ANSWER}},
    {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "HumanMessage"], "kwargs": {"content": THEN}},
]

SAMPLES: tuple[LogSample, ...] = (
    LogSample(
        "openai_chat.jsonl",
        _lines(_exchange(user="u7"), _exchange(LONGER, "Done.", feedback={"rating": 1})),
        "openai",
        units=2,
        texts=[f"{ASKED}\n{THEN}"],
        answers=["Done."],
        signals={"rating": 1},
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "openai_responses.jsonl",
        _lines(
            {
                "request": {"model": "m", "input": ASKED, "instructions": SYSTEM, "user": "u7"},
                "response": {
                    "id": "resp_1",
                    "object": "response",
                    "created_at": 1731368630,
                    "status": "completed",
                    "output": [{"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"}],
                },
            },
            {
                "request": {
                    "model": "m",
                    "previous_response_id": "resp_1",
                    "input": [
                        {"type": "function_call_output", "call_id": "c1", "output": "shipped"},
                        {"role": "user", "content": [{"type": "input_text", "text": THEN}]},
                    ],
                },
                "response": {
                    "id": "resp_2",
                    "object": "response",
                    "status": "incomplete",
                    "output": [
                        {"type": "reasoning", "summary": []},
                        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]},
                    ],
                },
            },
        ),
        "openai-responses",
        units=2,
        texts=[f"{ASKED}\n{THEN}"],
        answers=[ANSWER],
        signals={"status": "incomplete"},
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "anthropic.jsonl",
        _lines(
            {
                "request": {"model": "m", "system": SYSTEM, "messages": [TURNS[1]], "metadata": {"user_id": "u7"}},
                "response": {
                    "type": "message",
                    "role": "assistant",
                    "stop_reason": "tool_use",
                    "content": [{"type": "tool_use", "id": "c1", "name": "find", "input": {}}],
                },
            },
            {
                "request": {
                    "model": "m",
                    "system": SYSTEM,
                    "messages": [
                        TURNS[1],
                        {
                            "role": "assistant",
                            "content": [{"type": "tool_use", "id": "c1", "name": "find", "input": {}}],
                        },
                        {
                            "role": "user",
                            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "shipped"}],
                        },
                    ],
                },
                "response": {
                    "type": "message",
                    "role": "assistant",
                    "stop_reason": "end_turn",
                    "content": [{"type": "text", "text": ANSWER}],
                },
            },
        ),
        "anthropic",
        units=2,
        texts=[ASKED],
        answers=[ANSWER],
        signals={"stop_reason": "end_turn"},
        roles=_USED_TOOL,
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "langfuse_api.json",
        json.dumps(
            {
                "trace": {
                    "id": "t1",
                    "timestamp": "2026-01-02T03:04:05Z",
                    "userId": "u7",
                    "sessionId": None,
                    "input": json.dumps(json.dumps({"messages": [{"type": "human", "content": ASKED}]})),
                    "output": json.dumps(ANSWER),
                    "scores": [{"name": "helpful", "value": 0.5}],
                },
                "observations": [
                    {"id": "o1", "traceId": "t1", "type": "SPAN", "input": None, "output": None},
                    {
                        "id": "o2",
                        "traceId": "t1",
                        "type": "GENERATION",
                        "startTime": "2026-01-02T03:04:06Z",
                        "parentObservationId": "o1",
                        "input": json.dumps(TURNS),
                        "output": json.dumps(ANSWER),
                    },
                    {"id": "o3", "traceId": "t1", "type": "TOOL", "input": '{"id": 7}', "output": "shipped"},
                ],
            }
        ).encode(),
        "langfuse",
        units=4,
        texts=[ASKED],
        answers=[ANSWER],
        signals={"score.helpful": 0.5},
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "langfuse_export.csv",
        (
            "id,name,timestamp,userId,sessionId,tags,input,output\n"
            't1,chat,2026-01-02T03:04:05Z,u7,s1,[],"{""messages"": [{""role"": ""user"", ""content"": '
            f'""{ASKED}""}}]}}",{ANSWER}\n'
            f"t2,chat,2026-01-02T03:05:05Z,u7,s1,[],{THEN},Done.\n"
            f"t3,chat,2026-01-02T03:06:05Z,u8,s2,[],{ASKED},{ANSWER}\n"
        ).encode(),
        "langfuse",
        units=3,
        texts=[f"{ASKED}\n{THEN}", ASKED],
        answers=["Done.", ANSWER],
        roles=["user", "assistant", "user"],
        user="u7",
    ),
    LogSample(
        "langfuse_observations.jsonl",
        _lines(
            {
                "id": "o2",
                "traceId": "t1",
                "type": "GENERATION",
                "startTime": "2026-01-02T03:04:06Z",
                "parentObservationId": "o1",
                "input": TURNS,
                "output": {"role": "assistant", "content": ANSWER},
                "level": "ERROR",
                "statusMessage": "slow",
            },
            {
                "id": "o3",
                "traceId": "t1",
                "type": "TOOL",
                "startTime": "2026-01-02T03:04:07Z",
                "input": {"id": 7},
                "output": "x",
            },
        ),
        "langfuse",
        units=2,
        texts=[ASKED],
        answers=[ANSWER],
        signals={"error": "slow"},
        system=SYSTEM,
    ),
    LogSample(
        "langsmith_sdk.json",
        json.dumps(
            {
                "post": [
                    {
                        "id": "r1",
                        "trace_id": "r1",
                        "run_type": "chain",
                        "start_time": 1731368630000,
                        "inputs": {"question": ASKED},
                        "extra": {"metadata": {"thread_id": "th", "user_id": "u7"}},
                    },
                    {
                        "id": "r2",
                        "trace_id": "r1",
                        "parent_run_id": "r1",
                        "run_type": "llm",
                        "start_time": 1731368630100,
                        "inputs": {"messages": [TURNS]},
                    },
                ],
                "patch": [{"id": "r1", "trace_id": "r1", "outputs": {"answer": ANSWER}, "error": "late"}],
            }
        ).encode(),
        "langsmith",
        units=2,
        texts=[ASKED],
        answers=[ANSWER],
        signals={"error": "late"},
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "langsmith_runs.jsonl",
        _lines(
            {
                "id": "r1",
                "trace_id": "r1",
                "run_type": "llm",
                "session_id": "project",
                "start_time": "2026-01-02T03:04:05Z",
                "inputs": {"messages": [_LANGCHAIN]},
                "outputs": {"generations": [[{"text": "Done."}]]},
                "feedback_stats": {"score": {"n": 2, "avg": 0.5}},
            },
            {"id": "r9", "trace_id": "r9", "run_type": "tool", "inputs": {"input": "x"}, "outputs": {}},
        ),
        "langsmith",
        units=2,
        texts=[f"{ASKED}\n{THEN}"],
        answers=["Done."],
        rejected=1,
        signals={"score": 0.5},
        roles=["user", "assistant", "user"],
    ),
    LogSample(
        "phoenix_spans.jsonl",
        _lines(
            _phoenix(1, None, "AGENT", input__value=ASKED, output__value=ANSWER, user__id="u7", session__id="s"),
            _phoenix(
                2,
                "s1",
                "LLM",
                input__value="{}",
                **{
                    "llm.input_messages.0.message.role": "system",
                    "llm.input_messages.0.message.content": SYSTEM,
                    "llm.input_messages.1.message.role": "user",
                    "llm.input_messages.1.message.contents.0.message_content.type": "text",
                    "llm.input_messages.1.message.contents.0.message_content.text": ASKED,
                    "llm.input_messages.2.message.role": "assistant",
                    "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "find",
                    "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": "{}",
                    "llm.input_messages.10.message.role": "tool",
                    "llm.input_messages.10.message.content": "shipped",
                },
            ),
            _phoenix(3, "s1", "TOOL", input__value="{}", output__value="shipped"),
        ),
        "openinference",
        units=3,
        texts=[ASKED],
        answers=[ANSWER],
        roles=_USED_TOOL,
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "otlp_genai_parts.json",
        json.dumps(
            _otlp(
                _span(0, _HTTP),
                _span(
                    1,
                    _attributes(
                        gen_ai__operation__name="chat",
                        gen_ai__input__messages=_PARTS_IN,
                        gen_ai__system_instructions=[{"type": "text", "content": SYSTEM}],
                        gen_ai__output__messages=_PARTS_OUT,
                    ),
                    0,
                ),
                _span(
                    2,
                    _attributes(
                        gen_ai__operation__name="chat",
                        gen_ai__input__messages=_TOOL_PARTS,
                        gen_ai__output__messages=_PARTS_OUT,
                        user__id="u7",
                    ),
                    0,
                ),
                _span(3, _attributes(gen_ai__operation__name="execute_tool", gen_ai__input__messages=_PARTS_IN), 0),
            )
        ).encode(),
        "otlp",
        units=4,
        texts=[ASKED],
        answers=[ANSWER],
        roles=_USED_TOOL,
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "otlp_genai_events.jsonl",
        _lines(
            _otlp(
                _span(
                    1,
                    _attributes(gen_ai__operation__name="chat"),
                    events=[
                        _event("gen_ai.system.message", content=SYSTEM),
                        _event("gen_ai.user.message", content=[{"text": ASKED}]),
                        _event(
                            "gen_ai.assistant.message",
                            content=[{"toolUse": {"toolUseId": "c1", "name": "find", "input": {}}}],
                        ),
                        _event(
                            "gen_ai.tool.message",
                            content=[{"toolResult": {"toolUseId": "c1", "content": [{"text": "shipped"}]}}],
                        ),
                        _event("gen_ai.choice", message=[{"text": ANSWER}], finish_reason="stop"),
                    ],
                    status={"code": 2, "message": "timeout"},
                )
            ),
            _otlp(_span(2, _HTTP) | {"traceId": "a2"}),
        ),
        "otlp",
        units=2,
        texts=[ASKED],
        answers=[ANSWER],
        rejected=1,
        signals={"error": "timeout"},
        roles=_USED_TOOL,
        system=SYSTEM,
    ),
    LogSample(
        "otlp_operation_details.jsonl",
        _lines(
            _otlp(
                _span(
                    1,
                    _attributes(gen_ai__operation__name="chat"),
                    events=[
                        _event(
                            "gen_ai.client.inference.operation.details",
                            gen_ai__input__messages=_PARTS_IN,
                            gen_ai__output__messages=_PARTS_OUT,
                        )
                    ],
                )
            )
        ),
        "otlp",
        units=1,
        texts=[ASKED],
        answers=[ANSWER],
    ),
    LogSample(
        "openllmetry.jsonl",
        _lines(
            _otlp(
                _span(
                    0,
                    _attributes(
                        traceloop__span__kind="workflow",
                        traceloop__entity__input={"inputs": {"question": ASKED}},
                        traceloop__entity__output={"outputs": {"answer": ANSWER}},
                    ),
                )
            ),
            _otlp(
                _span(
                    1,
                    _attributes(
                        gen_ai__prompt__0__role="system",
                        gen_ai__prompt__0__content=SYSTEM,
                        gen_ai__prompt__1__role="user",
                        gen_ai__prompt__1__content=[{"type": "text", "text": ASKED}],
                        gen_ai__completion__0__role="assistant",
                        gen_ai__completion__0__content=ANSWER,
                    ),
                    0,
                )
            ),
        ),
        "otlp",
        units=2,
        texts=[ASKED],
        answers=[ANSWER],
        system=SYSTEM,
    ),
    LogSample(
        "vercel.json",
        json.dumps(
            [
                {
                    "name": "ai.generateText",
                    "spanContext": {"traceId": "v1", "spanId": "1"},
                    "startTime": [1731368630, 5],
                    "attributes": {
                        "ai.operationId": "ai.generateText",
                        "ai.prompt": json.dumps({"prompt": ASKED, "system": SYSTEM}),
                        "ai.response.text": ANSWER,
                        "ai.telemetry.metadata.userId": "u7",
                    },
                },
                {
                    "name": "ai.generateText.doGenerate",
                    "spanContext": {"traceId": "v1", "spanId": "2"},
                    "parentSpanId": "1",
                    "startTime": [1731368630, 9],
                    "attributes": {
                        "ai.operationId": "ai.generateText.doGenerate",
                        "ai.response.text": ANSWER,
                        "ai.prompt.messages": json.dumps(
                            [TURNS[0], {"role": "user", "content": [{"type": "text", "text": ASKED}]}]
                        ),
                    },
                },
                {
                    "name": "ai.toolCall",
                    "spanContext": {"traceId": "v1", "spanId": "3"},
                    "startTime": [1731368630, 9],
                    "attributes": {"ai.operationId": "ai.toolCall", "ai.toolCall.args": "{}"},
                },
            ]
        ).encode(),
        "vercel",
        units=3,
        texts=[ASKED],
        answers=[ANSWER],
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "litellm.jsonl",
        _lines(
            {**_SPEND, "messages": TURNS, "response": _exchange()["response"], "status": "success"},
            {
                **_SPEND,
                "messages": "{}",
                "proxy_server_request": json.dumps({"messages": TURNS[1:]}),
                "response": "{}",
                "status": "failure",
                "error_information": {"error_code": "429"},
            },
            {**_SPEND, "messages": "{}", "proxy_server_request": "{}", "response": "{}", "status": "success"},
        ),
        "litellm",
        units=3,
        texts=[ASKED, ASKED],
        answers=[ANSWER, None],
        rejected=1,
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "helicone.jsonl",
        _lines(
            {
                "request_id": "1",
                "request_created_at": "2026-01-02T03:04:05Z",
                "request_user_id": "u7",
                "response_status": 500,
                "request_body": {"model": "m", "messages": TURNS},
                "response_body": _exchange()["response"],
            },
            {
                "request_id": "2",
                "request_created_at": "2026-01-02T03:04:05Z",
                "request_body": "",
                "signed_body_url": "https://x",
            },
        ),
        "helicone",
        units=2,
        texts=[ASKED],
        answers=[ANSWER],
        rejected=1,
        signals={"status_code": 500},
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "braintrust.jsonl",
        _lines(
            {
                "id": "b1",
                "span_id": "1",
                "root_span_id": "1",
                "span_attributes": {"type": "task"},
                "input": {"question": ASKED},
                "created": "2026-01-02T03:04:05Z",
                "scores": {"score": 0.25},
                "metadata": {"user_id": "u7"},
            },
            {
                "id": "b2",
                "span_id": "2",
                "root_span_id": "1",
                "span_parents": ["1"],
                "span_attributes": {"type": "llm"},
                "input": [TURNS[0], *_LANGCHAIN[:1]],
                "created": "2026-01-02T03:04:06Z",
            },
            {"id": "b1", "span_id": "1", "root_span_id": "1", "_is_merge": True, "output": ANSWER},
        ),
        "braintrust",
        units=3,
        texts=[ASKED],
        answers=[ANSWER],
        signals={"score": 0.25},
        system=SYSTEM,
        user="u7",
    ),
    LogSample(
        "claude_code.jsonl",
        _lines(
            {"type": "summary", "summary": "about a parcel", "leafUuid": "x"},
            _claude_code("user", "<command-name>/clear</command-name>"),
            _claude_code("user", ASKED),
            _claude_code("assistant", [{"type": "tool_use", "id": "c1", "name": "Bash", "input": {"command": "ls"}}]),
            _claude_code("user", [{"type": "tool_result", "tool_use_id": "c1", "content": "README"}]),
            _claude_code("assistant", [{"type": "text", "text": ANSWER}]),
            _claude_code("user", "a sub-agent's order", isSidechain=True),
            _claude_code("user", [{"type": "text", "text": THEN}]),
            _claude_code("assistant", None) | {"message": None},
        ),
        "claude-code",
        units=9,
        texts=[f"{ASKED}\n{THEN}"],
        answers=[None],
        rejected=1,
        roles=["user", "assistant", "tool", "assistant", "user"],
    ),
    LogSample(
        "chatgpt_export.json",
        json.dumps(
            [
                {
                    "title": "a",
                    "conversation_id": "c1",
                    "create_time": 1731368630.5,
                    "current_node": "4",
                    "mapping": {
                        "0": {"id": "0", "parent": None, "children": ["1"], "message": None},
                        "1": _node("1", "0", "system", ""),
                        "2": _node("2", "1", "user", ASKED),
                        "x": _node("x", "2", "assistant", "a branch that was left"),
                        "3": _node("3", "2", "assistant", ANSWER),
                        "4": _node("4", "3", "user", THEN),
                    },
                },
                {"title": "empty", "conversation_id": "c2", "current_node": "0", "mapping": {"0": {"message": None}}},
            ]
        ).encode(),
        "chatgpt",
        units=2,
        texts=[f"{ASKED}\n{THEN}"],
        answers=[None],
        rejected=1,
        roles=["user", "assistant", "user"],
    ),
    LogSample(
        "sharegpt.json",
        json.dumps(
            [
                {
                    "id": "a_0",
                    "conversations": [
                        {"from": "system", "value": SYSTEM},
                        {"from": "human", "value": ASKED},
                        {"from": "gpt", "value": ANSWER},
                    ],
                },
                {"id": "a_2", "conversations": [{"from": "gpt", "value": ANSWER}]},
            ]
        ).encode(),
        "sharegpt",
        units=2,
        texts=[ASKED],
        answers=[ANSWER],
        rejected=1,
        system=SYSTEM,
    ),
    LogSample(
        "wildchat.jsonl.gz",
        gzip.compress(
            _lines(
                {
                    "conversation_hash": "h",
                    "model": "m",
                    "timestamp": "2026-01-02T03:04:05",
                    "turn": 1,
                    "language": "English",
                    "toxic": True,
                    "redacted": False,
                    "hashed_ip": "u7",
                    "openai_moderation": [{"flagged": True}],
                    "conversation": [
                        {"role": "user", "content": ASKED, "toxic": False},
                        {"role": "assistant", "content": ANSWER},
                    ],
                }
            ),
            mtime=0,
        ),
        "wildchat",
        units=1,
        texts=[ASKED],
        answers=[ANSWER],
        signals={"flagged": True},
        user="u7",
    ),
    LogSample(
        "lmsys.jsonl",
        _lines(
            {
                "conversation_id": "h",
                "model": "m",
                "turn": 1,
                "language": "English",
                "redacted": False,
                "openai_moderation": [{"flagged": False}],
                "conversation": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": ANSWER}],
            }
        ),
        "wildchat",
        units=1,
        texts=[ASKED],
        answers=[ANSWER],
    ),
    LogSample(
        "tau_bench.jsonl",
        _lines(
            {
                "id": "0-0",
                "reward": 0.0,
                "messages": [
                    *TURNS,
                    {"role": "assistant", "content": None, "tool_calls": [CALL]},
                    {"role": "tool", "tool_call_id": "c1", "name": "find", "content": "shipped"},
                    {"role": "assistant", "content": ANSWER},
                ],
            }
        ),
        "tau-bench",
        units=1,
        texts=[ASKED],
        answers=[ANSWER],
        signals={"reward": 0.0},
        roles=_USED_TOOL,
        system=SYSTEM,
    ),
    LogSample(
        "rows.csv",
        (
            "conversation_id,role,content,timestamp\n"
            f"1,user,{ASKED},2026-01-02T03:04:05Z\n"
            f"2,user,{ASKED},2026-01-02T03:04:06Z\n"
            f"1,assistant,{ANSWER},2026-01-02T03:04:07Z\n"
            f"1,user,{THEN},2026-01-02T03:04:08Z\n"
        ).encode(),
        "rows",
        units=4,
        texts=[f"{ASKED}\n{THEN}", ASKED],
        answers=[None, None],
        roles=["user", "assistant", "user"],
    ),
    LogSample(
        "messages.jsonl",
        _lines({"messages": TURNS, "rating": 5}, {"messages": LONGER}, {"messages": LONGER[1:]}),
        "messages",
        units=3,
        texts=[ASKED, f"{ASKED}\n{THEN}", f"{ASKED}\n{THEN}"],
        answers=[None, None, None],
        signals={"rating": 5},
        system=SYSTEM,
    ),
    LogSample(
        "flat.tsv",
        f"question\tanswer\tuser_id\n{ASKED}\t{ANSWER}\tu7\n \t\tu8\n".encode(),
        "flat",
        units=2,
        texts=[ASKED],
        answers=[ANSWER],
        rejected=1,
        user="u7",
    ),
    LogSample("plain.txt", f"{ASKED}\n{THEN}\n".encode(), "flat", units=2, texts=[ASKED, THEN], answers=[None, None]),
)
