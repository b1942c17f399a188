"""The sections of a scenario, as typed values with their defaults.

They hold what was asked; whether it can be run is the business of `checks`, and how it is
written that of `reading` and `writing`.
"""

from __future__ import annotations

import math

import msgspec

from experiments.faults import Fault
from experiments.population import Arrival, Departure, FlashCrowd, Never
from experiments.quantities import Duration, Rate, Size
from experiments.scenario.delivery import Catalogue, Cdn, Demand
from experiments.scenario.sharing import Viewers
from experiments.scenario.streaming import Behaviour, ChangingLink, Video
from peer.settings import PeerSettings
from peer.web_plan import WebAddress, WebSettings

_PEER = PeerSettings()


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is delivered: a real `file`, or `size` bytes made from the seed."""

    file: str | None = None
    size: Size | None = None
    chunk_size: Size = Size(64 * 1024)


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The host that has the content first: server, seed or origin.

    As a seed it chokes with `choker`, and leaves when each chunk is with `leaves_after` clients.
    """

    up: Rate = Rate(50e6)
    down: Rate = Rate(math.inf)
    choker: str = "least-served"
    leaves_after: int | None = None


class Clients(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some clients that come and go alike and, in a swarm, have equal strategies.

    Their links are `up` and `down`, or, if `access` is given, lines by share.
    `seed_choker`, for when they have everything, is what their choker becomes unless given.
    What they can receive changes as a link `trace` says. Viewers of a video may have an `abr`
    rule of their own, and a `behaviour`.
    """

    count: int
    up: Rate = Rate(10e6)
    down: Rate = Rate(50e6)
    access: dict[str, float] = {}
    arrival: Arrival = FlashCrowd()
    departure: Departure = Never()
    picker: str = "rarest-first"
    choker: str = "tit-for-tat"
    seed_choker: str | None = None
    trace: str | None = None
    abr: str | None = None
    behaviour: list[Behaviour] = []


class Edges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The CDN's edges, one in each region; `down` is `up` unless given."""

    count: int = 4
    up: Rate = Rate(50e6)
    down: Rate | None = None


class Peers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the peers of a swarm are set, the seed among them."""

    min_neighbours: int = _PEER.min_neighbours
    max_neighbours: int = _PEER.max_neighbours
    upload_slots: int = _PEER.upload_slots
    choke_interval: Duration = Duration(_PEER.choke_interval)
    optimistic_rounds: int = _PEER.optimistic_rounds
    super_seed: bool = _PEER.super_seed

    def settings(self) -> PeerSettings:
        """Return the peers' settings. Raises `ValueError` for values no peer can work with."""
        first = min(_PEER.first_dials, self.max_neighbours)
        return PeerSettings(first_dials=first, **msgspec.structs.asdict(self))


class WebSeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How clients that swarm use their edge; `pushed`: edges have the file beforehand."""

    policy: str = "always"
    fetches: int = 16
    rate: Rate = Rate(math.inf)
    pushed: bool = False

    def settings(self, *addresses: WebAddress) -> WebSettings:
        """Return a peer's settings. Raises `ValueError` for values no peer can work with."""
        return WebSettings(addresses, self.policy, self.fetches, self.rate)


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lies between the hosts: round-trip time across regions, and the links' segment."""

    rtt: Duration = Duration(0.04)
    segment: Size = Size(16 * 1024)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: `model` delivers `content` from `server` to all `clients`.

    A swarm's peers know `trackers` of them, and ask the next when one fails. The model `cdn`
    delivers the objects of `catalogue` instead, as `demand` asks for them, and models of video
    deliver `video`, those of swarms as `viewers` says.
    """

    name: str
    model: str
    seed: int = 1
    horizon: Duration = Duration(24 * 3600)
    content: Content = Content()
    server: Server = Server()
    clients: list[Clients]
    edges: Edges = Edges()
    network: Network = Network()
    peers: Peers = Peers()
    web_seed: WebSeed = WebSeed()
    trackers: int = 1
    catalogue: Catalogue | None = None
    demand: Demand | None = None
    cdn: Cdn | None = None
    video: Video | None = None
    viewers: Viewers = Viewers()
    links: list[ChangingLink] = []
    faults: list[Fault] = []

    @property
    def client_count(self) -> int:
        """How many clients there are in all groups."""
        return sum(group.count for group in self.clients)

    @property
    def client_groups(self) -> tuple[Clients, ...]:
        """The group of each client, in the order of their names."""
        return tuple(group for group in self.clients for _ in range(group.count))

    @property
    def staggered(self) -> bool:
        """Whether not all clients come at once."""
        return any(not isinstance(group.arrival, FlashCrowd) for group in self.clients)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names a fault may give, in order."""
        return (
            "server", *self.tracker_names, *self.cache_names, *self.edge_names, *self.client_names,
        )  # fmt: skip

    @property
    def tracker_names(self) -> tuple[str, ...]:
        """`tracker`, `tracker-2` and on."""
        return ("tracker", *(f"tracker-{i}" for i in range(2, self.trackers + 1)))

    @property
    def cache_names(self) -> tuple[str, ...]:
        """The director, and the caches between edges and origin, of the model `cdn`."""
        if self.cdn is None:
            return ()
        regionals = self.cdn.regionals if self.cdn.tiers > 1 else 0
        shield = ("shield-1",) if self.cdn.tiers > 2 else ()
        return ("director", *shield, *(f"regional-{i}" for i in range(1, regionals + 1)))

    @property
    def edge_names(self) -> tuple[str, ...]:
        """`edge-1` and on."""
        return tuple(f"edge-{i}" for i in range(1, self.edges.count + 1))

    @property
    def client_names(self) -> tuple[str, ...]:
        """`client-1` and on, through the groups in order."""
        return tuple(f"client-{i}" for i in range(1, self.client_count + 1))
