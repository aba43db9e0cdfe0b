"""What ends for our app at a provider."""

from portal import clock
from portal.services import deadlines, final_ends


def tell_due() -> int:
    """Secrets and other things of the app's own that end in 60, 30 or 7 days, or today."""
    return deadlines.tell_due(now=clock.now())


def tell_final_ends() -> int:
    """Refresh tokens that end within 7 days, whatever is done, without anybody being reminded."""
    return final_ends.tell(now=clock.now())
