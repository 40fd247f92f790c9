"""`make setup`: build .venv, the development environment, under the pins of constraints-dev.txt.

PyTorch goes first and alone. On Linux, PyPI's wheel brings some gigabytes of CUDA libraries; where there is no NVIDIA
GPU, that one step may also look at PyTorch's index of CPU wheels. Everything else comes from PyPI, or from wherever pip
is told.
"""

from __future__ import annotations

import platform
import shutil
import threading
import urllib.request
from pathlib import Path

from tools.environment import ROOT, create, install, output, step

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
PATIENCE = 5.0  # seconds for that index to answer


def main() -> None:
    """Create .venv, install PyTorch, then the package with its `dev` extra."""
    venv = ROOT / ".venv"
    create(venv)
    options = torch_options(venv)
    with step("installing PyTorch (the largest download)"):
        install(venv, "-c", "constraints-dev.txt", *options, "torch")
    with step("installing Lossary with its tools"):
        install(venv, "-c", "constraints-dev.txt", "-e", ".[dev]")
    print(f"{venv.name} is ready: Python {platform.python_version()}")


def torch_options(venv: Path) -> list[str]:
    """The extra index for PyTorch's CPU wheels, where they are wanted and can be had."""
    if platform.system() != "Linux" or has_nvidia_gpu() or names_a_source(pip_settings(venv)):
        return []
    if not answers(f"{CPU_WHEELS}/torch/"):
        print("PyTorch's index of CPU wheels does not answer: using the larger wheel of the default index")
        return []
    return ["--extra-index-url", CPU_WHEELS]


def has_nvidia_gpu() -> bool:
    """Whether this machine has NVIDIA's driver."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").exists()


def pip_settings(venv: Path) -> str:
    """What pip's files and PIP_ variables say, as `pip config list` prints it: one `section.name='value'` a line."""
    return output(str(venv / "bin" / "python"), "-m", "pip", "config", "list") or ""


def names_a_source(settings: str) -> bool:
    """Whether pip is already told where to look: a wheel directory or an index of the user's own."""
    names = {line.partition("=")[0].rpartition(".")[2] for line in settings.splitlines()}
    return not names.isdisjoint({"find-links", "index-url", "extra-index-url", "no-index"})


def answers(url: str, seconds: float = PATIENCE) -> bool:
    """Whether `url` answers in time. In a thread, since a socket's timeout does not cover the look-up of its name."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
                answered.set()
        except OSError:  # urllib's own errors are OSErrors too
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


if __name__ == "__main__":
    main()
