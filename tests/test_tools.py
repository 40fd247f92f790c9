"""How `make setup` decides where PyTorch comes from, and how `make legs` finds its Pythons."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import environment, legs, setup


@pytest.fixture
def plain_linux(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Linux, no GPU, pip as it comes, and PyTorch's index answering."""
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(setup, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(setup, "pip_settings", lambda venv: "global.timeout='60'\n")
    monkeypatch.setattr(setup, "answers", lambda url: True)
    return monkeypatch


def test_linux_without_gpu_takes_the_cpu_wheels(plain_linux: pytest.MonkeyPatch) -> None:
    assert setup.torch_options(Path(".venv")) == ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("platform.system", lambda: "Darwin"),
        ("tools.setup.has_nvidia_gpu", lambda: True),
        ("tools.setup.pip_settings", lambda venv: ":env:.find-links='/wheels'\n"),
        ("tools.setup.answers", lambda url: False),
    ],
    ids=["macos", "gpu", "wheel-directory", "unreachable"],
)
def test_otherwise_the_default_index_alone(plain_linux: pytest.MonkeyPatch, name: str, value: object) -> None:
    plain_linux.setattr(name, value)
    assert setup.torch_options(Path(".venv")) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", False),
        ("global.timeout='60'\n:env:.cert='/index-url'\n", False),
        ("install.find-links='/wheels'\n", True),
        ("global.index-url='file:///mirror'\n", True),
        ("global.timeout='60'\n:env:.extra-index-url='file:///mirror'\n", True),
    ],
    ids=["none", "others", "directory", "index", "second-index"],
)
def test_reads_pip_settings(settings: str, expected: bool) -> None:
    assert setup.names_a_source(settings) is expected


def test_an_index_that_does_not_exist_does_not_answer() -> None:
    assert not setup.answers("http://127.0.0.1:9/")  # the discard port: refused at once


def test_an_index_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading
    import time

    released = threading.Event()

    def hang(*_: object, **__: object) -> None:
        released.wait()
        raise OSError  # as urllib does at last; the thread must not outlive this test with an error of its own

    monkeypatch.setattr("urllib.request.urlopen", hang)
    start = time.monotonic()
    assert not setup.answers("http://localhost/", seconds=0.1)
    assert time.monotonic() - start < 2
    released.set()


def test_a_python_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "python3"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert legs.minor_version(str(shim)) is None
    assert legs.minor_version(str(tmp_path / "missing")) is None
    assert legs.minor_version(sys.executable) == sys.version_info.minor


def test_a_leg_prefers_another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    own = sys.version_info.minor
    monkeypatch.setattr(legs, "candidates", lambda minor: iter([f"python3.{minor}"]))
    monkeypatch.setattr(legs, "minor_version", lambda python: int(python.partition(".")[2]))
    assert legs.choose((own, 99, 98)) == ("python3.99", 99)
    assert legs.choose((own,)) == (f"python3.{own}", own)


def test_a_leg_without_any_python_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(legs, "candidates", lambda minor: iter(()))
    legs.main()
    assert "numpy leg skipped: no Python found (looked for 3.10, 3.12, 3.13, 3.11)" in capsys.readouterr().out


def test_a_failed_step_ends_with_its_exit_code() -> None:
    with pytest.raises(SystemExit) as end:
        environment.run(sys.executable, "-c", "raise SystemExit(3)")
    assert end.value.code == 3
