"""What templates need beside Jinja's own: moments in words, pictures, provider colours, addresses of our files."""

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from flask import Flask, request
from markupsafe import Markup

from portal import access, dates
from portal.drawn import drawing
from portal.pictures import ends_bars, ends_rows

PURE = (dates.date_long, dates.date_short, dates.datetime_long, dates.day_short, dates.last_and_next)
HUES = 8  # as many as parts.css has colours for provider tiles


def hue(provider_id: str) -> int:
    """Which of the tile colours a provider has: always the same one."""
    return crc32(provider_id.encode()) % HUES


def asset_versions(folder: Path) -> dict[str, str]:
    """Each file of ours with a version made of its content, so that browsers may keep it until it changes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()[:10] for path in files}


def register(app: Flask) -> None:
    """Make the functions above known as filters (`days_phrase` with the request's now), and `asset(name)`."""
    for pure in (*PURE, ends_bars, ends_rows, hue):
        app.add_template_filter(pure)
    app.add_template_global(drawing(), "drawn")
    app.add_template_filter(_days_from_now, "days_phrase")
    app.add_template_filter(_days_from_now_and_date, "days_and_date")
    versions = asset_versions(Path(app.static_folder or ""))
    addresses = {name: f"{app.static_url_path}/{name}?v={version}" for name, version in versions.items()}

    def asset(name: str) -> str:
        return request.script_root + addresses[name]

    app.add_template_global(asset)


def _days_from_now_and_date(moment: datetime, zone: str, now: datetime | None = None) -> Markup:
    return dates.days_and_date(moment, zone, now or access.now())


def _days_from_now(moment: datetime, zone: str) -> str:
    return dates.days_phrase(moment, zone, access.now())
