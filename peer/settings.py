"""What can be set on a peer: bounds and times, with the defaults a swarm does well with."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """Times in seconds, counts in connections, chunks or messages."""

    first_dials: int = 12  # known peers dialled at once; others will dial us
    min_neighbours: int = 20  # dial known peers while there are fewer
    max_neighbours: int = 50  # refuse more
    upload_slots: int = 12  # neighbours unchoked at a time, the optimistic one included
    concurrent_uploads: int = 3  # chunks being sent at a time: few, so that each is soon whole
    pipeline: int = 2  # requests in flight per neighbour, at least
    total_pipeline: int = 16  # requests in flight to all neighbours, at least
    max_pipeline: int = 64  # requests in flight per neighbour, at most
    pipeline_time: float = 0.1  # of a neighbour's rate, kept in flight beyond that
    choke_interval: float = 1.0
    optimistic_rounds: int = 3  # choke rounds between changes of the optimistic unchoke
    have_delay: float = 0.5  # Haves wait at most this long to share a message
    endgame_copies: int = 2  # neighbours asked for the same chunk when all are asked for
    request_timeout: float = 30.0  # a neighbour that leaves requests unanswered is snubbed
    handshake_timeout: float = 10.0
    keep_alive: float = 45.0  # say something at least this often
    idle_timeout: float = 120.0  # drop a neighbour that says nothing
    super_seed: bool = True  # while seeding, show each neighbour chunks nobody has yet

    def __post_init__(self) -> None:
        """Raise `ValueError` for values no peer can work with."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and value < 1:
                raise ValueError(f"{field.name} must be at least 1, not {value}")
            if field.type == "float" and not value > 0:
                raise ValueError(f"{field.name} must be more than 0 s, not {value}")
        if self.min_neighbours > self.max_neighbours:
            raise ValueError("min_neighbours must not exceed max_neighbours")
