"""What every test can ask for; each kind of fixture has a file of its own in `fixtures/`."""

from hypothesis import HealthCheck, settings

# A busy machine is no fault, and an example of one run is no business of the next.
settings.register_profile("any machine", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

pytest_plugins = [
    "tests.fixtures.no_skips",
    "tests.fixtures.servers",
    "tests.fixtures.portal",
    "tests.fixtures.stub_provider",
    "tests.fixtures.key_provider",
    "tests.fixtures.browser",
    "tests.fixtures.mail",
    "tests.fixtures.webhooks",
]
