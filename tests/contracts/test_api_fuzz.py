"""The whole API fuzzed by its own description: nothing it answers is a fault, and nothing it answers is undescribed."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import pytest
import schemathesis
from flask import Flask
from schemathesis.engine import events, from_schema

from portal import clock
from portal.rules.status import ConnectionState
from portal.services import api_keys
from tests.contracts.serving import served
from tests.factories import World, make_connection
from tests.fixtures.stub_provider import StubProvider

EXAMPLES = 25  # an operation and a phase: some thousand requests in all
SEED = 20261120
REFUSING = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429"]
ACCEPTING = ["2XX", "401", "403", "404", "409", "413", "429", "5XX"]  # 413: within the schema and yet too long a body
ABOUT_MEANING = {"member_email", "provider", "nickname", "member", "cursor", "generation"}
"""What may be refused although it is written as described: an address of nobody, a generation that never was."""


@dataclass
class Findings:
    """What a run has come to."""

    failures: list[str] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def note(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.NonFatalError | events.FatalError):
            self.failures.append(f"{event}")
        if isinstance(event, events.ScenarioFinished):
            self._note_scenario(event)

    def _note_scenario(self, event: events.ScenarioFinished) -> None:
        recorder = event.recorder
        for case_id, interaction in recorder.interactions.items():
            operation = recorder.cases[case_id].value.operation.label
            if interaction.response is not None:
                self.answers[operation, interaction.response.status_code] += 1
        for case_id, checks in recorder.checks.items():
            response = recorder.interactions[case_id].response
            for check in checks:
                found = check.failure_info
                if found and not (check.name == "positive_data_acceptance" and is_about_meaning(response)):
                    answered = f"answered {response.status_code}" if response is not None else "not answered"
                    self.failures.append(f"{check.name}: {answered}: {found.failure.message}\n{found.code_sample}")


def is_about_meaning(response) -> bool:
    return response is not None and set(response.json().get("errors", {"": ""})) <= ABOUT_MEANING


@pytest.fixture
def connections(stub: StubProvider, app: Flask, world: World) -> list[UUID]:
    """Several in every state, at a provider that answers all it is asked."""
    stub.server.expect_request("/me").respond_with_json({"id": "1", "name": "Ana"})
    with app.app_context():
        return [
            make_connection(world.ana, provider_id="stub", state=state, now=clock.now())
            for state in [*ConnectionState, *[ConnectionState.ACTIVE] * 20]
        ]


@pytest.fixture
def key(app: Flask, world: World) -> str:
    with app.app_context():
        return api_keys.create(world.chloe.asker, "Fuzzer", now=clock.now())[1].reveal()


def fuzzed(url: str, key: str, connections: list[UUID]) -> Findings:
    config = schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "headers": {"Authorization": f"Bearer {key}"},
            "checks": {
                "use_after_free": {"enabled": False},  # what is disconnected stays to be seen, and to come back
                "negative_data_rejection": {"expected-statuses": REFUSING},
                "positive_data_acceptance": {"expected-statuses": ACCEPTING},
            },
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "no-shrink": True, "database": "none"},
        }
    )
    schema = schemathesis.openapi.from_url(url, config=config)

    @schema.hook
    def map_path_parameters(_context, path_parameters):
        """Two of three made-up ids become those of connections that are there."""
        try:
            made_up = UUID(str(path_parameters["id"]))
        except (KeyError, TypeError, ValueError):  # a call without any, or one that shall be refused
            return path_parameters
        known = str(connections[made_up.int % len(connections)])
        return path_parameters | ({"id": known} if made_up.int % 3 else {})

    findings = Findings()
    for event in from_schema(schema).execute():
        findings.note(event)
    return findings


@pytest.mark.slow
@pytest.mark.both_databases
def test_whatever_is_sent_is_answered_as_described(stub: StubProvider, app: Flask, key: str, connections: list[UUID]):
    with served(app) as url:
        findings = fuzzed(f"{url}/api/v1/openapi.json", key, connections)
    assert "\n\n".join(findings.failures) == ""
    operations = {operation for operation, _ in findings.answers}
    served_well = {operation for operation, status in findings.answers if status < 300}
    assert len(operations) >= 7
    assert operations - served_well == set()
