"""The portal's entry points with every logger at DEBUG, as an operator who hunts a fault would run them.

`gunicorn tests.faults.loud:app` is the web process, `python -m tests.faults.loud worker` a worker.
"""

import logging

from portal.app import create_app

app = create_app()
logging.getLogger().setLevel(logging.DEBUG)

if __name__ == "__main__":
    from jobs import worker

    worker.run(app)
