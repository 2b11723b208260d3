"""Faults on the product as it runs: what a client was told is compared with the books afterwards.

`bin/faults --quick` is a step of bin/test, `bin/faults` takes about an hour. A row of the table is a function in
rows/, which injects its faults into the `Stack`; what must hold after every row is in judging.py.
"""
