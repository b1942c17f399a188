"""What we ask: scenarios, delivery models, runs, results, figures, and the command line."""

__version__ = "0.1.0"
