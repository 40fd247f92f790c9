"""Errors that are the user's to mend: shown as one line, with exit code 2 unless the command says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches


class Refusal(Exception):
    """The command cannot do what was asked; the text says why, and what to do instead."""

    def __init__(self, text: str, *, exit_code: int = 2) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def did_you_mean(given: str, known: Mapping[str, str]) -> str:
    """`; did you mean a, b or c?`, or nothing if no word is near.

    Args:
        given: what the user typed.
        known: the words there are, each with the name to show for it.
    """
    by_lower = {word.lower(): shown for word, shown in known.items()}
    holding = sorted((word for word in by_lower if given and given.lower() in word), key=len)
    near = holding or get_close_matches(given.lower(), by_lower, n=3, cutoff=0.75)
    shown = list(dict.fromkeys(by_lower[word] for word in near))[:3]
    return f"; did you mean {_either(shown)}?" if shown else ""


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
