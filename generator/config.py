"""groundset.toml: settings of a project, read from beside the project file. An option on the command line wins."""

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_type_hints

from generator.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, with their defaults."""

    encoder: str = "auto"
    """"auto", "minilm", "minilm-int8", "lexical", "openai/MODEL", or a sentence-transformers name or folder."""
    clusters: int | None = None
    """How many clusters; left out, the traffic's own scale says."""
    model: str | None = None
    """Who drafts: "anthropic/NAME", "openai/NAME" or "offline"; left out, by the key in the environment."""
    base_url: str | None = None
    """A server that speaks OpenAI's protocol."""
    per_cluster: int = 4
    """Drafts asked for per cluster."""
    max_cost: float | None = None
    """Hard cap on spending, in US dollars."""
    concurrency: int = 4
    """Calls to a model under way at a time; a small local server does best with 1."""
    timeout: float = 120.0
    """Seconds that a model has for one answer."""
    random_draws: int = 100
    """Real traces drawn at random for the production-weighted score."""
    min_users: int = 1
    """Users that a cluster must have to be shown and drafted from; fewer could be known again by what they ask."""
    goal: float = 0.8
    """Coverage to reach, a share of traffic."""
    random_state: int = 0
    """For random numbers; the same number gives the same project."""

    @classmethod
    def beside(cls, project: Path) -> Self:
        """The settings of a project: those of `groundset.toml` in its folder, if there is one.

        Raises:
            ConfigError: the file cannot be read, has an unknown key, or a value of the wrong type.
        """
        path = project.parent / "groundset.toml"
        if not path.exists():
            return cls()
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error
        return cls(**_checked(path, values))

    def override(self, **options: Any) -> Self:
        """These settings with the options that were given (those that are not None)."""
        return dataclasses.replace(self, **{key: value for key, value in options.items() if value is not None})


def _checked(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(Config)
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(f"{path}: unknown key {key!r}; known are {', '.join(hints)}.")
        if isinstance(value, int) and not isinstance(value, bool) and isinstance(1.0, hints[key]):
            values[key] = float(value)
        elif not isinstance(value, hints[key]) or isinstance(value, bool):
            raise ConfigError(f"{path}: {key} is {value!r}, which is not of the right type.")
    return values
