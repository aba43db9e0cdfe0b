"""Verdicts on providers' answers: every sample judged, and judged as it comes over the wire beside reading alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

from bench.figures import Figure, Median, at_least
from bench.processes import ROOT
from bench.site import Site
from bench.timing import Measured, in_turns
from portal.providers.catalog import load_catalog
from portal.rules.answers import Answer
from portal.rules.fault_rules import FaultRule
from portal.rules.faults import classify
from portal.rules.verdicts import Phase

SAMPLES = Path(ROOT) / "tests" / "data" / "provider_answers.json"
FILES_OF = {"generic": "oidc", "youtube": "google"}  # under which id a sample's provider is in the catalog
PROMISED_A_SECOND = 100_000
ROUNDS = 20
JUDGED, FROM_WIRE, READ = "judged", "from wire", "read"


@dataclass(frozen=True, slots=True)
class Case:
    """One answer of a provider, the rules of its file, and the verdict it must get."""

    phase: Phase
    status: int | None
    headers: dict[str, str]
    body: object
    rules: tuple[FaultRule, ...]
    expected: tuple[str, str]

    def verdict(self) -> tuple[str, str]:
        found = classify(Answer(self.phase, self.status, self.headers, self.body), self.rules)
        return found.fault, found.action

    @property
    def on_the_wire(self) -> "Case":
        """The same with its body in bytes."""
        wire = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return replace(self, body=wire.encode())


def measure(site: Site) -> Iterator[Figure]:
    cases = _cases()
    received = [case.on_the_wire for case in cases]
    runs = {JUDGED: _judging(cases), FROM_WIRE: _judging(received), READ: _reading(received)}
    rates = in_turns(runs, repeats=site.size.rounds)
    right = sum(case.verdict() == case.expected for case in (*cases, *received)) / 2
    samples = Median("samples", len(cases), "samples")
    yield Figure("verdicts", site.kind, Median("right ones", right, "samples"), samples, at_least(1))
    judged, from_wire = Median("verdicts", rates[JUDGED], "/s"), Median("verdicts from bytes", rates[FROM_WIRE], "/s")
    yield Figure("verdicts", site.kind, judged, Median("promised", PROMISED_A_SECOND, "/s"), at_least(1))
    yield Figure("verdicts", site.kind, from_wire, Median("bodies read as JSON", rates[READ], "/s"), at_least(0.1))


def _judging(cases: Sequence[Case]) -> Measured:
    def run() -> float:
        began = process_time()  # what else the machine does is none of the classifier's
        for _ in range(ROUNDS):
            for case in cases:
                case.verdict()
        return ROUNDS * len(cases) / (process_time() - began)

    return run


def _reading(cases: Sequence[Case]) -> Measured:
    bodies = [case.body for case in cases if isinstance(case.body, bytes) and case.body[:1] in {b"{", b"["}]

    def run() -> float:
        began = process_time()
        for _ in range(ROUNDS):
            for body in bodies:
                json.loads(body)
        return ROUNDS * len(bodies) / (process_time() - began)

    return run


def _cases() -> list[Case]:
    samples: list[dict[str, Any]] = json.loads(SAMPLES.read_text(encoding="utf-8"))
    providers = load_catalog(None, {}).providers
    return [_case(one, providers[FILES_OF.get(one["provider"], one["provider"])].errors) for one in samples]


def _case(sample: dict[str, Any], rules: tuple[FaultRule, ...]) -> Case:
    expected = (sample["expected"], sample["action"])
    return Case(Phase(sample["phase"]), sample["status"], sample["headers"], sample["body"], rules, expected)
