"""Types: what is right passes a type checker, and what is wrong does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "typing"
FILES = sorted(FOLDER.glob("*.py"))


def expected(path: Path) -> list[int]:
    """The lines marked as wrong."""
    return [i for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if line.endswith("# wrong")]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """The lines that basedpyright finds wrong, by file."""
    settings = tmp_path_factory.mktemp("typing") / "pyrightconfig.json"
    root = FOLDER.parents[1]
    settings.write_text(
        json.dumps(
            {
                "include": [str(FOLDER)],
                "extraPaths": [str(root / "src")],
                "typeCheckingMode": "standard",
                "pythonVersion": "3.11",  # assert_type
            }
        )
    )
    command = [
        sys.executable,
        "-m",
        "basedpyright",
        "--outputjson",
        "--pythonpath",
        sys.executable,
        "-p",
        str(settings),
    ]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=root).stdout)
    found: dict[str, list[int]] = {}
    for entry in report["generalDiagnostics"]:
        if entry["severity"] == "error":
            found.setdefault(Path(entry["file"]).name, []).append(entry["range"]["start"]["line"] + 1)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_wrong_lines_and_no_others_are_errors(path: Path, errors: dict[str, list[int]]) -> None:
    assert sorted(set(errors.get(path.name, []))) == expected(path)
