"""The repository as a clone of it would be: its files, read as text."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked_files() -> list[Path]:
    """Every file git keeps or would keep if it were added now."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({path for name in listed.split("\0") if name and (path := ROOT / name).is_file()})


def text_of(path: Path) -> str:
    """The file's text; nothing for a picture."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode()


def python_files(*packages: str) -> list[Path]:
    """The Python files of these packages; migrations are written once and stay as they are."""
    found = [path for path in tracked_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in packages]
    return [path for path in found if "migrations" not in path.parts]
