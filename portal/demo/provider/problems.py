"""What a control request may get wrong; each is answered as `application/problem+json` or as a notice on the page."""


class InvalidInput(Exception):
    """The request's values are not usable; the message says which and why. Nothing was changed."""


class UnknownThing(Exception):
    """What the request names does not exist here; the message says what was looked for."""
