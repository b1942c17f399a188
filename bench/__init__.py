"""How fast the pieces are: one module per question, each run with `python -m bench.NAME`."""
