"""Every error Groundset raises on purpose, as one tree.

The message names the thing and says what to do about it; the command line prints it as it is, without
a traceback, and exits with `exit_code`. Any other exception is a bug and keeps its traceback.

    GroundsetError
     ├─ ConfigError       groundset.toml or an option cannot be used
     ├─ LogError          a log file cannot be opened, recognised or read
     ├─ ProjectError      the project file is missing, foreign, too new, locked or cannot be written
     ├─ StageError        a stage needs what an earlier one makes
     ├─ EncoderError      texts cannot be turned into vectors
     ├─ ProviderError     a model cannot be reached or refuses to work for us
     ├─ BudgetError       the next call would pass the cost cap, or has no known price
     └─ ExportError       an evaluation set cannot be written
"""


class GroundsetError(Exception):
    """Base of all expected errors. The message is one or two plain sentences."""

    exit_code = 2


class ConfigError(GroundsetError):
    """A setting cannot be used."""


class LogError(GroundsetError):
    """A log file cannot be opened, recognised or read."""


class ProjectError(GroundsetError):
    """The project file cannot be used."""


class StageError(GroundsetError):
    """A stage was asked for before the stage it builds on."""


class EncoderError(GroundsetError):
    """Texts cannot be turned into vectors."""


class ProviderError(GroundsetError):
    """A model provider cannot be used at all (one failed call is an outcome, not an error)."""


class BudgetError(GroundsetError):
    """Money would be spent that nobody allowed."""


class ExportError(GroundsetError):
    """An evaluation set cannot be written."""
