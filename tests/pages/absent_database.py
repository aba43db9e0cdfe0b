"""A database that is out of reach while a test looks on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from portal.db import db


@contextmanager
def database_away(app: Flask) -> Iterator[None]:
    """A folder stands where the SQLite file was."""
    with app.app_context():
        db.engine.dispose()
        path = Path(str(db.engine.url.database))
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
