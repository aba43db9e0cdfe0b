"""The web process: `gunicorn wsgi:app`."""

import sys

from portal.app import create_app
from portal.rules.problems import ConfigurationInvalid

try:
    app = create_app()
except ConfigurationInvalid as invalid:
    sys.stderr.write("".join(f"{problem}\n" for problem in invalid.problems))
    raise SystemExit(4) from None  # the status with which gunicorn gives up at once instead of trying again
