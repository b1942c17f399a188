"""What every process of ours on real sockets shares: a way to stop, a trace, and progress.

It knows signals and terminals, not what is served.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from experiments.cli.errors import ENVIRONMENT, FAILED, INTERRUPTED, CommandError

if TYPE_CHECKING:
    from net.seam import Address, Listener
    from net.trace import Trace
    from peer.strategy import Strategies
    from peer.web_plan import WebSettings

DEFAULT_TRACKER = "127.0.0.1:7000"


class Progress(Protocol):
    """Told how far it is."""

    def __call__(self, done: int, total: int | None = None, /) -> None:
        """Show `done` of `total`, if that is known."""


def address(flag: str, text: str, *, lowest: int = 1) -> Address:
    """Return the address written as HOST:PORT (an IPv6 host in brackets).

    `lowest` is 0 for an address to listen at, where port 0 picks a free one.

    Raises:
        CommandError: it is none; names `flag`.
    """
    from net.seam import Address

    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not lowest <= int(port) < 65536:
        raise CommandError(f"{flag}: '{text}' is not HOST:PORT, such as 127.0.0.1:7000")
    return Address(host.strip("[]"), int(port))


def trackers(texts: Sequence[str] | None) -> list[Address]:
    """Return the trackers named by `--tracker`, each once and in order, or the default one.

    Raises:
        CommandError: one is no address.
    """
    return [address("--tracker", text) for text in dict.fromkeys(texts or (DEFAULT_TRACKER,))]


def strategies(**names: str) -> Strategies:
    """Return the peer's strategies of these names (`picker`, `choker`, `seed_choker`).

    Raises:
        CommandError: there is no such strategy; names the flag, and the nearest.
    """
    from peer.decision import StrategyError
    from peer.strategy import Strategies, find_choker, find_picker

    for role, name in names.items():
        try:
            (find_picker if role == "picker" else find_choker)(name)
        except StrategyError as error:
            flag = "--picker" if role == "picker" else "--choker"
            raise CommandError(f"{flag}: {error}") from error
    return Strategies(**names)


def web_seeds(urls: Sequence[str], policy: str, name: str) -> WebSettings | None:
    """Return how the file `name` is had from web seeds, None without `urls`.

    To a URL that ends in a slash the name is added, as in BEP 19.

    Raises:
        CommandError: a URL or the policy is none; names the flag.
    """
    from urllib.parse import quote

    from cdn.url import Url
    from peer.web_plan import WebAddress, WebSettings

    try:
        parsed = [Url.parse(url + quote(name) if url.endswith("/") else url) for url in urls]
    except ValueError as error:
        raise CommandError(f"--web-seed: {error}") from error
    addresses = tuple([WebAddress(url.address, url.target) for url in parsed])
    try:
        return WebSettings(addresses, policy) if addresses else None
    except ValueError as error:
        raise CommandError(f"--web-policy: {error}") from error


def trace(node: str, verbose: bool) -> Trace:
    """Return a trace that writes each event as a line of JSON to stderr, or nothing."""
    from experiments.log import Event, Field
    from net.trace import silent

    if not verbose:
        return silent

    def record(event: str, /, **fields: Field) -> None:
        sys.stderr.write(Event(time.time(), node, event, fields).line().decode())
        sys.stderr.flush()

    return record


async def listen(host: str, port: int) -> Listener:
    """Return a listener on a real socket.

    Raises:
        CommandError: the address cannot be had; names it.
    """
    from net.sockets import SocketNetwork

    try:
        return await SocketNetwork(host).listen(port)
    except OSError as error:
        reason = f"{host}:{port}: {error.strerror or error}; choose another --host or --port"
        raise CommandError(reason, ENVIRONMENT) from error


Started = TypeVar("Started")


def serve_until_stopped(
    serve: Callable[..., Awaitable[None]], ready: Callable[[Started], None]
) -> int:
    """Run a server until SIGTERM (0) or Ctrl-C (130); `ready` hears what it started with."""
    import trio

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            ready(await nursery.start(serve))

    return run_until_stopped(run, on_terminate=0)


def run_until_stopped(
    run: Callable[[], Awaitable[None]], *, on_terminate: int = INTERRUPTED
) -> int:
    """Run until done (0) or stopped by a signal, cleaning up in either case; return the code.

    Raises:
        CommandError: what ran said so, could not use the system, or a strategy of its failed.
    """
    import trio

    from peer.decision import StrategyError

    stopped_by: list[int] = []

    async def stop(scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                stopped_by.append(number)
                scope.cancel()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(stop, nursery.cancel_scope)
            await run()
            nursery.cancel_scope.cancel()

    try:
        trio.run(main)
    except BaseExceptionGroup as errors:
        error = _first(errors)
        if isinstance(error, CommandError):
            raise error from None
        if isinstance(error, StrategyError):
            raise CommandError(str(error), FAILED) from error
        if isinstance(error, OSError):
            raise CommandError(str(error), ENVIRONMENT) from error
        raise
    if not stopped_by:
        return 0
    return INTERRUPTED if stopped_by[0] == signal.SIGINT else on_terminate


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@contextmanager
def progress(name: str, total: int | None, *, quiet: bool) -> Iterator[Progress]:
    """Show a bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total=None: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(name, total=total)

        def show(done: int, known: int | None = None, /) -> None:
            bars.update(task, completed=done, total=known if known is not None else total)

        yield show
