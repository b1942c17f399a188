"""Link traces: what a link can carry as time goes on, read from files or made from a seed.

They say how fast a link is and refuse to know who sends over it. Rates are bit/s, times seconds.
"""

from experiments.capacity.formats import load
from experiments.capacity.library import SHIPPED, find
from experiments.capacity.trace import LinkTrace, LinkTraceError

__all__ = ["SHIPPED", "LinkTrace", "LinkTraceError", "find", "load"]
