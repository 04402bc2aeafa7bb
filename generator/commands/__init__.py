"""The subcommands of `groundset`, by what they are about; `generator.cli` puts them together.

Stages import numpy, SDKs and models: every command imports what it needs, so that `--help` answers at once.
"""
