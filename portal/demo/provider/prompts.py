"""Which page an authorization request begins with, as OpenID Connect Core, section 3.1.2.1, has it."""

from enum import Enum, auto

from portal.demo.provider.issuers import Login


class FirstStep(Enum):
    """What a person sees first."""

    CHOOSE_LOGIN = auto()
    CONSENT = auto()
    NOTHING = auto()
    IMPOSSIBLE = auto()


def first_step(prompt: str, remembered: Login | None, hinted: Login | None) -> FirstStep:
    """Whoever is still signed in stays the same login, unless the client asks for a choice or hints at another."""
    prompts = set(prompt.split())
    if "none" in prompts:
        return FirstStep.NOTHING if prompts == {"none"} else FirstStep.IMPOSSIBLE
    if prompts & {"login", "select_account"} or remembered is None:
        return FirstStep.CHOOSE_LOGIN
    if hinted and hinted.sub != remembered.sub:
        return FirstStep.CHOOSE_LOGIN
    return FirstStep.CONSENT
