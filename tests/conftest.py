"""What every test can ask for; each kind of fixture has a file of its own in `fixtures/`."""

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
