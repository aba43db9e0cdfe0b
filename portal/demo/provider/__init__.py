"""The demo's provider: a real, strict OpenID provider that stands in for Facebook, YouTube and the rest.

It runs as a process of its own (`python -m portal.demo.provider`) and shares nothing with the portal but the clock, so
that what works against it works over real HTTP. The same process is the test double of journeys and fault tests.
"""

from portal.demo.provider.app import create_provider
from portal.demo.provider.settings import ClientSettings, Settings

__all__ = ["ClientSettings", "Settings", "create_provider"]
