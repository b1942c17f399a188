"""The fabric agrees with arithmetic, within one per cent."""

from __future__ import annotations

from math import inf

import pytest
import trio

from net.flow import INITIAL_WINDOW, PACKET, Transport
from net.topology import Access, Topology, star
from net.virtual import VirtualInternet
from tests.net.arithmetic import Transfer, finish_times

MiB = 1024 * 1024
MBPS = 1e6


def close(seconds: float) -> object:
    """Within one per cent of `seconds`."""
    return pytest.approx(seconds, rel=0.01)


def slow_start(rate: float, rtt: float) -> float:
    """Seconds a sender idles until its window fills the path (Kurose & Ross, TCP latency).

    Round k sends a window of 10 packets x 2^k and waits for the first acknowledgement, which
    takes a packet's time and a round trip: sum over k of max(0, S/R + RTT - W_k/R).
    """
    idle, window = 0.0, float(INITIAL_WINDOW)
    while (wait := 8 * PACKET / rate + rtt - 8 * window / rate) > 0:
        idle += wait
        window *= 2
    return idle


@pytest.mark.parametrize("rtt", [0.0, 0.010, 0.040, 0.200])
@pytest.mark.parametrize("rate", [2 * MBPS, 10 * MBPS, 100 * MBPS])
def test_one_transfer_takes_handshake_rate_delay_and_slow_start(rate: float, rtt: float) -> None:
    """One transfer = RTT + F/rate + delay + slow start, plus a segment at the second link."""
    size = 16 * MiB
    transport = Transport(window=8 * MiB, receive_buffer=16 * MiB)
    topology = star({"a": Access(rate, rate), "b": Access(rate, rate)}, rtt=rtt)
    (time,) = finish_times(topology, Transfer("a", "b", size), transport=transport)
    assert time == close(rtt + 8 * size / rate + rtt / 2 + slow_start(rate, rtt))


@pytest.mark.parametrize("n", [1, 5, 20])
def test_n_downloads_share_one_uplink(n: int) -> None:
    """N downloads from one server end together, at N F / u_s."""
    hosts = {"s": Access(50 * MBPS, inf)} | {f"c{i}": Access(inf, inf) for i in range(n)}
    times = finish_times(
        star(hosts, rtt=0.01), *(Transfer("s", f"c{i}", 4 * MiB) for i in range(n))
    )
    expected = n * 8 * 4 * MiB / (50 * MBPS) + 0.015
    assert max(times) == close(expected + slow_start(50 * MBPS / n, 0.01))
    assert min(times) > 0.98 * max(times)


def test_two_senders_share_one_downlink() -> None:
    """Two senders into one downlink finish together, at 2 F / d."""
    hosts = {"a": Access(10 * MBPS), "b": Access(90 * MBPS), "c": Access(inf, 10 * MBPS)}
    times = finish_times(
        star(hosts, rtt=0.02), Transfer("a", "c", 4 * MiB), Transfer("b", "c", 4 * MiB)
    )
    assert times == [close(2 * 8 * 4 * MiB / (10 * MBPS) + 0.03 + 0.02)] * 2


def test_a_blocked_receiver_leaves_the_uplink_to_the_free_one() -> None:
    """A sender with one slow and one fast receiver serves the fast one at the rest of its rate."""
    hosts = {"s": Access(10 * MBPS), "slow": Access(down=0.1 * MBPS), "fast": Access()}
    _, fast = finish_times(
        star(hosts, rtt=0.01),
        Transfer("s", "slow", MiB),
        Transfer("s", "fast", 16 * MiB),
        transport=Transport(window=64 * 1024),
    )
    assert fast == close(8 * 16 * MiB / (10 * MBPS - 0.1 * MBPS) + 0.03)


def dumbbell(rate: float) -> Topology:
    """Two hosts on either side of one core link of `rate` bit/s."""
    topology = Topology()
    for router in ("left", "right"):
        topology.add_router(router)
    topology.add_link("left", "right", delay=0.005, rate=rate)
    for side in ("left", "right"):
        for i in range(2):
            topology.add_host(f"{side}{i}", Access(100 * MBPS, 100 * MBPS), router=side)
    return topology


def test_two_pairs_share_a_core_link() -> None:
    """Two pairs across one core link get half of it each, and each direction has its own."""
    times = finish_times(
        dumbbell(10 * MBPS),
        Transfer("left0", "right0", 4 * MiB),
        Transfer("left1", "right1", 4 * MiB),
        Transfer("right0", "left0", 8 * MiB),
    )
    together = 2 * 8 * 4 * MiB / (10 * MBPS) + 0.015
    assert times == [close(together + slow_start(5 * MBPS, 0.01))] * 2 + [
        close(together + slow_start(10 * MBPS, 0.01))
    ]


def test_throughput_is_limited_by_window_over_rtt() -> None:
    """A window W on a path of RTT r carries W / r, however fast the links."""
    topology = star({"a": Access(1000 * MBPS), "b": Access(down=1000 * MBPS)}, rtt=0.1)
    window = 64 * 1024
    (time,) = finish_times(
        topology, Transfer("a", "b", 16 * MiB), transport=Transport(window=window)
    )
    assert time == pytest.approx(16 * MiB / window * 0.1, rel=0.02)


def test_a_link_slowed_half_way_takes_as_much_longer() -> None:
    """Half the bytes at 10 Mbit/s, then the link falls to 5 Mbit/s for the other half."""
    topology = star({"a": Access(10 * MBPS), "b": Access()})
    half = 8 * 4 * MiB / (10 * MBPS)

    async def slow_down(internet: VirtualInternet) -> None:
        await trio.sleep(half)
        internet.set_access("a", up=5 * MBPS)

    (time,) = finish_times(topology, Transfer("a", "b", 8 * MiB), meanwhile=slow_down)
    assert time == close(half + 2 * half)


def test_a_link_at_rate_zero_holds_everything_until_it_recovers() -> None:
    """An outage of 7 s makes the transfer 7 s longer and loses nothing."""
    topology = star({"a": Access(10 * MBPS), "b": Access()})

    async def outage(internet: VirtualInternet) -> None:
        await trio.sleep(2.0)
        internet.set_access("a", up=0.0)
        await trio.sleep(7.0)
        internet.set_access("a", up=10 * MBPS)

    (time,) = finish_times(topology, Transfer("a", "b", 8 * MiB), meanwhile=outage)
    assert time == close(8 * 8 * MiB / (10 * MBPS) + 7)


def test_a_cut_path_stalls_until_it_heals() -> None:
    """A partition stalls the connections that cross it; they go on after it heals."""
    topology = star({"a": Access(10 * MBPS), "b": Access(), "c": Access()}, rtt=0.02)

    async def partition(internet: VirtualInternet) -> None:
        await trio.sleep(1.0)
        internet.fabric.partition(["a", "c"])
        await trio.sleep(5.0)
        internet.fabric.heal_all()

    crossing, inside = finish_times(
        topology,
        Transfer("a", "b", 4 * MiB),
        Transfer("a", "c", 4 * MiB),
        meanwhile=partition,
    )
    alone = 8 * 4 * MiB / (10 * MBPS)
    assert inside == pytest.approx(0.5 + alone, rel=0.05)
    assert crossing == pytest.approx(6.0 + alone - 0.5, rel=0.02)


def test_loss_limits_throughput_as_mathis_says() -> None:
    """With random loss p, throughput is about sqrt(3/2) x MSS / (RTT sqrt(p)) (Mathis 1997)."""

    async def lossy(internet: VirtualInternet) -> None:
        internet.fabric.set_loss("a", "b", 0.01)
        await trio.lowlevel.checkpoint()

    topology = star({"a": Access(), "b": Access()}, rtt=0.1)
    size = 16 * MiB
    (time,) = finish_times(
        topology,
        Transfer("a", "b", size),
        transport=Transport(segment=PACKET),
        meanwhile=lossy,
    )
    mathis = 1.5**0.5 * PACKET / (0.1 * 0.01**0.5)
    assert size / time == pytest.approx(mathis, rel=0.25)


def test_a_message_on_an_idle_flow_is_not_stuck_behind_bulk() -> None:
    """A small message crosses a busy uplink in its delay, not behind others' segments."""
    hosts = {"s": Access(MBPS), "bulk": Access(), "chat": Access()}
    _, chat = finish_times(
        star(hosts, rtt=0.02), Transfer("s", "bulk", MiB), Transfer("s", "chat", 100)
    )
    assert chat < 0.035
