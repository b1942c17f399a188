"""How fast the peer codec is: microseconds per message, chunks in MiB/s.

Run: python -m bench.codec
"""

from __future__ import annotations

import argparse
import time

from bench import machine
from wire.decoder import Decoder
from wire.frame import encode
from wire.message import Chunk, Have, Message, Request, Unchoke

CHUNK = bytes(65_536)

CASES: dict[str, tuple[list[Message], int]] = {
    "Have, 1 index": ([Have((index,)) for index in range(50_000)], 1_200),
    "Have, 8 indexes": ([Have(tuple(range(n, n + 8))) for n in range(20_000)], 1_200),
    "Have, 1 index, one per feed": ([Have((200,))] * 50_000, 11),
    "Request": ([Request(index) for index in range(50_000)], 1_200),
    "Unchoke": ([Unchoke()] * 50_000, 1_200),
    "Chunk of 64 KiB in segments of 16 KiB": ([Chunk(n, CHUNK) for n in range(2_000)], 16_384),
    "Chunk of 64 KiB in segments of 64 KiB": ([Chunk(n, CHUNK) for n in range(2_000)], 65_536),
    "Chunk of 64 KiB in segments of 100 B": ([Chunk(n, CHUNK) for n in range(100)], 100),
    "Chunk of 64 KiB byte by byte": ([Chunk(n, CHUNK) for n in range(5)], 1),
}


def seconds_to_decode(feeds: list[bytes], count: int) -> float:
    """Return the time it takes to decode `count` messages from `feeds`."""
    decoder = Decoder(max_payload=len(CHUNK))
    start = time.perf_counter()
    decoded = 0
    for data in feeds:
        decoder.feed(data)
        while decoder.next() is not None:
            decoded += 1
    elapsed = time.perf_counter() - start
    assert decoded == count
    return elapsed


def main() -> None:
    """Print one line per case, the best of three rounds."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    print(machine.describe())
    print(f"{'case':40} {'encode':>10} {'decode':>10}")
    for name, (messages, segment) in CASES.items():
        start = time.perf_counter()
        encoded = [encode(message) for message in messages]
        encoding = time.perf_counter() - start
        stream = b"".join(part for parts in encoded for part in parts)
        feeds = [stream[at : at + segment] for at in range(0, len(stream), segment)]
        decoding = min(seconds_to_decode(feeds, len(messages)) for _ in range(3))
        each = 1e6 / len(messages)
        print(f"{name:40} {encoding * each:7.2f} us {decoding * each:7.2f} us")


if __name__ == "__main__":
    main()
