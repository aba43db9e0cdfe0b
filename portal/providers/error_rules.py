"""A provider's own way of failing, as its file writes it."""

from dataclasses import dataclass

from portal.rules.fault_rules import Condition, FaultRule
from portal.rules.verdicts import Fault, FaultAction, Phase

NOT_SICK = (Condition("status", "between", (200, 499)), Condition("status", "not_in", (408, 421, 425)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTable:
    """One `[[errors]]` of a file; no `phase` means any.

    A server in trouble says all kinds of things, so a rule judges no 5xx and no time-out unless it names the status.
    """

    result: Fault
    when: tuple[Condition, ...]
    phase: frozenset[Phase] = frozenset()
    action: FaultAction | None = None
    reason: str = ""

    def rule(self) -> FaultRule:
        """The rule the classifier reads."""
        return FaultRule(self.result, (*self.when, *self._guards()), self.phase, self.action, self.reason)

    def _guards(self) -> tuple[Condition, ...]:
        names_status = not self.when or any(condition.at == "status" for condition in self.when)
        return () if names_status else NOT_SICK
