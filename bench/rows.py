"""Synthetic rows (a first version without content)."""
from dataclasses import dataclass
@dataclass
class Population:
    connections: int
@dataclass
class Rows: ...
def populate(p): ...
