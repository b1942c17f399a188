"""The command line: data on stdout, talk on stderr, and exit codes that scripts can rely on.

Commands parse and print; what they do lives elsewhere and is imported when it is needed.

Exit codes: 0 ok, 1 the experiment failed, 2 usage or scenario error, 3 the environment lacks
something, 4 the measurement is invalid, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from cyclopts import App

from experiments import __version__
from experiments.cli import (
    abr,
    cache,
    compare,
    demo,
    director,
    doctor,
    gateways,
    link_traces,
    offload,
    package,
    play,
    processes,
    run,
    stream,
    sweep,
    tournament,
    watch,
    web,
)
from experiments.cli.errors import INTERRUPTED, CommandError

app = App(
    name="swarmbed",
    version=__version__,
    help="Measure how one file gets to many: client-server, P2P and CDN, next to the limit.",
    help_epilogue="`swarmbed COMMAND --help` explains a command and shows examples.",
    help_format="markdown",
    result_action="return_value",
)
_EXAMPLES: Mapping[Callable[..., int], Sequence[str]] = {
    compare.compare: (
        "swarmbed compare",
        "swarmbed compare --file big.iso --clients 1,10,100 --out results/iso",
        "swarmbed compare --network loopback --clients 5 --size 4MiB --json",
    ),
    run.run: (
        "swarmbed run swarm --seeds 1-5",
        "swarmbed run outage --figures",
        "swarmbed run my-scenario.toml --seed 7 --json",
    ),
    offload.offload: (
        "swarmbed offload",
        "swarmbed offload my.toml --settings always,always@1Mbps,when-rare --seeds 1-5",
    ),
    stream.stream: (
        "swarmbed stream --models video-hybrid --clients 3,5",
        "swarmbed stream stream-crowd",
        "swarmbed stream stream-crowd --models video-hybrid,video-hybrid@same-network",
    ),
    sweep.sweep: (
        "swarmbed sweep cdn-policies --vary cdn.policy=lru,sieve,s3-fifo",
        "swarmbed sweep swarm --vary clients.count=10,20,40 --seeds 1-3 --measure last_s,ratio",
        "swarmbed sweep my.toml --vary cdn.tiers=1,2 --vary 'cdn.capacity=0.05,[0.02,0.1]'",
    ),
    tournament.tournament: (
        "swarmbed tournament tit-for-tat prop-share free-rider",
        "swarmbed tournament tit-for-tat mine.py:Mine sequential+tit-for-tat --seeds 10",
    ),
    cache.cache: (
        "swarmbed cache --zipf 0.9 --policy lru,sieve,s3-fifo",
        "swarmbed cache requests.csv --policy lru,gdsf,belady --size 1%,10%,1GiB --json",
        "swarmbed cache --zipf 0.8 --policy lru,arc,mine.py:Mine --figure miss.png",
    ),
    abr.abr: (
        "swarmbed abr",
        "swarmbed abr bola robust-mpc mine.py:Mine --ladder six --traces markov-1,mobile-3",
        "swarmbed abr --movie bbb.json --traces sabre-traces/ --json",
    ),
    link_traces.links: (
        "swarmbed links",
        "swarmbed links --out traces --format sabre",
        "swarmbed links measured.csv",
    ),
    watch.watch: (
        "swarmbed watch http://127.0.0.1:8001/master.m3u8",
        "swarmbed watch http://127.0.0.1:8001/master.m3u8 --abr bola --stop-after 30s --json",
        "swarmbed watch http://127.0.0.1:8001/master.m3u8 --figure session.png",
    ),
    demo.demo: ("swarmbed demo",),
    processes.tracker: ("swarmbed tracker",),
    processes.seed: (
        "swarmbed seed big.iso",
        "swarmbed seed big.iso --tracker 10.0.0.1:7000 --tracker 10.0.0.2:7000 --host 10.0.0.3",
        "swarmbed seed big.iso --choker seed-linear",
    ),
    processes.fetch: (
        "swarmbed fetch big.iso.manifest --out downloads",
        "swarmbed fetch big.iso.manifest --tracker 10.0.0.1:7000 --tracker 10.0.0.2:7000",
        "swarmbed fetch big.iso.manifest --picker sequential --choker mine.py:Mine --stay",
        "swarmbed fetch big.iso.manifest --web-seed http://127.0.0.1:8080/",
    ),
    web.origin: ("swarmbed origin public", "swarmbed origin clip --live --window 20s"),
    gateways.edge: (
        "swarmbed edge --origin http://127.0.0.1:8000/",
        "swarmbed edge --origin http://127.0.0.1:8000 --listen 127.0.0.1:8001 "
        "--store cache --capacity 10GiB --admin 127.0.0.1:9001",
    ),
    gateways.proxy: (
        "swarmbed proxy --listen 127.0.0.1:3128",
        "swarmbed proxy --store cache --tunnel-ports 443,8443",
    ),
    package.package: (
        "swarmbed package clip.mp4 --ladder 240p:400k,480p:1M,720p:2.5M --segment 4s",
        "swarmbed package clip.mp4 --ts --out video",
        "swarmbed package --synthetic --duration 60s --seed 7",
    ),
    web.get: ("swarmbed get http://127.0.0.1:8080/big.iso --out copy.iso",),
    play.play: (
        "swarmbed play --open",
        "swarmbed play --video film.mp4 --link 6Mbps,1Mbps --every 30s",
        "swarmbed play http://127.0.0.1:8001/master.m3u8",
    ),
    director.director: (
        "swarmbed director --origin http://127.0.0.1:8000 --edge http://127.0.0.1:8001 "
        "--edge http://127.0.0.1:8002",
    ),
    doctor.doctor: ("swarmbed doctor",),
}
for command, lines in _EXAMPLES.items():
    app.command(command, help_epilogue="\n\n".join(("Examples:", *(f"`{line}`" for line in lines))))


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        return int(app() or 0)
    except CommandError as error:
        sys.stderr.write(f"swarmbed: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("swarmbed: interrupted\n")
        return INTERRUPTED
