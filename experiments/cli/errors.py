"""How a command ends badly: a sentence for people and an exit code for scripts."""

from __future__ import annotations

FAILED = 1
USAGE = 2
ENVIRONMENT = 3
INVALID = 4
INTERRUPTED = 130


class CommandError(Exception):
    """Ends the command with `code`; the message says what is wrong and what to do."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code
