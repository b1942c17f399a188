"""A swarm of processes on real sockets: tracker, seed, fetch.

Servers run until Ctrl-C or SIGTERM and bind to loopback unless --host says otherwise. What they
do is the roles' business; here they are only given a network, a place to store, and a voice.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli import process, show
from experiments.cli.errors import CommandError
from experiments.cli.options import (
    Choker,
    Host,
    Json,
    Picker,
    Port,
    Quiet,
    TrackersAt,
    Verbose,
    WebPolicy,
    WebSeedsAt,
)

if TYPE_CHECKING:
    import trio

    from net.seam import Address
    from peer.node import Peer
    from peer.store import FileStore
    from peer.strategy import Strategies
    from peer.web_plan import WebSettings

LOOPBACK = "127.0.0.1"
TRACKER_PORT = 7000


def tracker(
    *,
    host: Host = LOOPBACK,
    port: Port = TRACKER_PORT,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Introduce peers to each other, for any number of swarms."""
    from tracker.node import Tracker

    async def serve(*, task_status: trio.TaskStatus[Address]) -> None:
        node = Tracker(rng=random.Random(), wall=time.time, trace=process.trace("tracker", verbose))
        await node.serve(await process.listen(host, port), task_status=task_status)

    return process.serve_until_stopped(serve, lambda at: show.say(f"tracker at {at}", quiet=quiet))


def seed(
    file: Annotated[Path, Parameter(help="The file to share.")],
    /,
    *,
    trackers: TrackersAt = None,
    choker: Choker = "least-served",
    chunk_size: Annotated[str, Parameter(help="Chunk of the swarm.")] = "64KiB",
    host: Host = LOOPBACK,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Share a file: write FILE.manifest beside it, print its path, and serve chunks."""
    from net.sockets import SocketNetwork
    from peer.node import Peer
    from peer.store import FileStore
    from wire.errors import ProtocolError
    from wire.manifest import Manifest, default_path

    places = process.trackers(trackers)
    strategies = process.strategies(seed_choker=choker)
    try:
        manifest = Manifest.of_file(file, int(units.parse_size(chunk_size)))
        manifest.save(default_path(file))
    except (OSError, ProtocolError, units.UnitError) as error:
        raise CommandError(str(error)) from error
    sys.stdout.write(f"{default_path(file)}\n")
    sys.stdout.flush()

    async def serve(*, task_status: trio.TaskStatus[Address]) -> None:
        with FileStore(manifest, file) as store:
            peer = Peer(
                SocketNetwork(host), store, *places, rng=random.Random(),
                trace=process.trace("seed", verbose), strategies=strategies,
            )  # fmt: skip
            await peer.run(task_status=task_status)

    return process.serve_until_stopped(
        serve, lambda at: show.say(f"seeding {file} at {at}", quiet=quiet)
    )


def fetch(
    manifest: Annotated[Path, Parameter(help="The manifest that `seed` wrote.")],
    /,
    *,
    trackers: TrackersAt = None,
    picker: Picker = "rarest-first",
    choker: Choker = "tit-for-tat",
    web_seeds: WebSeedsAt = None,
    web_policy: WebPolicy = "when-rare",
    out: Annotated[Path, Parameter(help="Directory for the file.")] = Path(),
    stay: Annotated[
        bool, Parameter(negative="", show_default=False, help="Go on seeding once complete.")
    ] = False,
    host: Host = LOOPBACK,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Fetch a file from its swarm; one that was interrupted goes on where it stopped."""
    from peer.store import FileStore
    from wire.errors import ProtocolError
    from wire.manifest import Manifest

    places = process.trackers(trackers)
    strategies = process.strategies(picker=picker, choker=choker)
    try:
        wanted = Manifest.load(manifest)
        web = process.web_seeds(web_seeds or (), web_policy, wanted.name)
        out.mkdir(parents=True, exist_ok=True)
        store = FileStore(wanted, out / wanted.name)
    except (OSError, ProtocolError) as error:
        raise CommandError(str(error)) from error
    with store:
        held = store.have.bit_count()
        show.say(f"resumed  {held} of {wanted.chunk_count} chunks", quiet=quiet or not held)
        fetching = _Fetching(
            store, places, strategies, web, host, stay=stay, quiet=quiet, verbose=verbose
        )
        code = process.run_until_stopped(fetching.run)
        if store.complete:
            _tell_fetched(store, held, fetching, json=json)
    return code


@dataclass
class _Fetching:
    """One fetch under way; `received` counts the bytes of chunks that came from others."""

    store: FileStore
    trackers: Sequence[Address]
    strategies: Strategies
    web: WebSettings | None
    host: str
    stay: bool
    quiet: bool
    verbose: bool
    received: int = 0
    seconds: float = 0.0

    async def run(self) -> None:
        """Take part in the swarm until the file is complete, or for good if `stay`."""
        import trio

        from net.sockets import SocketNetwork
        from peer.node import Peer

        trace = process.trace("fetch", self.verbose)
        network = SocketNetwork(self.host)
        peer = Peer(
            network, self.store, *self.trackers, rng=random.Random(), trace=trace,
            strategies=self.strategies, web=self.web,
        )  # fmt: skip
        started = trio.current_time()
        async with trio.open_nursery() as nursery:
            await nursery.start(peer.run)
            await self._follow(peer)
            self.received, self.seconds = peer.downloaded, trio.current_time() - started
            if self.stay:
                name = self.store.manifest.name
                show.say(f"complete; seeding {name} until Ctrl-C", quiet=self.quiet)
                await trio.sleep_forever()
            nursery.cancel_scope.cancel()

    async def _follow(self, peer: Peer) -> None:
        import trio

        manifest = self.store.manifest
        with process.progress(manifest.name, manifest.chunk_count, quiet=self.quiet) as shown:
            while not peer.completed.is_set():
                with trio.move_on_after(0.2):
                    await peer.completed.wait()
                shown(self.store.have.bit_count())


def _tell_fetched(store: FileStore, held: int, fetching: _Fetching, *, json: bool) -> None:
    import hashlib

    with store.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if json:
        import msgspec

        told = {
            "file": str(store.path), "bytes": store.manifest.size, "sha256": digest,
            "chunks": store.manifest.chunk_count, "resumed_chunks": held,
            "received_bytes": fetching.received, "seconds": fetching.seconds,
        }  # fmt: skip
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        sys.stdout.write(f"{digest}  {store.path}\n")
