"""`bin/bench`: python -m loyalty.bench, with the servers of a state folder of its own."""

import argparse

import django
from django.db import connection


def main() -> None:
    parser = argparse.ArgumentParser("bin/bench", description=__doc__)
    parser.add_argument("--only", choices=["accept", "apply", "codes", "read", "redeem"], help="one of them")
    parser.add_argument("--rounds", type=int, default=5, help="how often ours and the floor take turns (5)")
    parser.add_argument("--codes", type=int, default=10_000_000, help="in the large list of codes (10,000,000)")
    options = parser.parse_args()
    django.setup()

    from loyalty.bench import accept, apply, codes, read, redeem

    codes.LARGE = options.codes
    benches = {"accept": accept, "apply": apply, "read": read, "redeem": redeem, "codes": codes}
    print(f"{'what':<44} {'ours':>14} {'floor':>14} {'ratio':>7} {'wanted':>8}", flush=True)
    for name, bench in benches.items():
        if options.only in (None, name):
            for line in bench.run(options.rounds):
                print(line, flush=True)
    connection.close()


if __name__ == "__main__":
    main()
