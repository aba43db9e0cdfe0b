"""A provider's own way of failing, as its file writes it."""

from dataclasses import dataclass

from portal.rules.fault_rules import Condition, FaultRule
from portal.rules.verdicts import Fault, FaultAction, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTable:
    """One `[[errors]]` of a file; no `phase` means any. Only one that names the status judges 5xx and time-outs too."""

    result: Fault
    when: tuple[Condition, ...]
    phase: frozenset[Phase] = frozenset()
    action: FaultAction | None = None
    reason: str = ""

    def rule(self) -> FaultRule:
        """The rule the classifier reads."""
        names_status = any(condition.at == "status" for condition in self.when)
        return FaultRule(self.result, self.when, self.phase, self.action, self.reason, judges_sick_servers=names_status)
