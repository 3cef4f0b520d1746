"""Measurements too slow or too much of one machine for the tests; `make bench` and `make audit` run them.

Each module measures one thing and writes `measured/NAME.md`, which the appendix "What was measured" shows: a table
with its units, and the machine that it was measured on.
"""
