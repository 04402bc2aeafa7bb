"""JSON schemas of people, held against answers of models: no network, and no pattern that takes for ever."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_UNBOUNDED = ("patternProperties", "$dynamicRef", "uniqueItems")
"""Keywords that we cannot hold in bounds."""


def fits(text: str, value: Any) -> tuple[bool | None, str]:
    """Whether a value fits a schema, and why; None where the schema cannot be used."""
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.exceptions import best_match
    from jsonschema.validators import extend
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        schema = json.loads(text)
        Draft202012Validator.check_schema(schema)
        if (keyword := _unusable(schema)) is not None:
            return None, f"the schema uses {keyword}, which is for people to judge"
        bounded = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
        # An empty registry: a reference to somewhere else is not fetched.
        found = best_match(bounded(schema, registry=Registry()).iter_errors(value))
    except (ValueError, RecursionError, SchemaError, Unresolvable) as error:
        return None, f"the schema cannot be used ({type(error).__name__})"
    return (True, "fits the schema") if found is None else (False, f"at {found.json_path}: {found.message}"[:160])


def _unusable(schema: Any) -> str | None:
    """A keyword somewhere in a schema whose work has no bound, or a pattern that RE2 does not know."""
    import re2

    if isinstance(schema, Mapping):
        for key, each in schema.items():
            if key in _UNBOUNDED:
                return str(key)
            if key == "pattern" and isinstance(each, str):
                try:
                    re2.compile(each)
                except re2.error:
                    return "a pattern that RE2 does not know"
    parts = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ()
    return next((found for part in parts if (found := _unusable(part)) is not None), None)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    """The keyword `pattern`, in linear time."""
    import re2
    from jsonschema import ValidationError

    if isinstance(instance, str) and re2.search(pattern, instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")
