"""One run in which two candidates answer, as a process of its own, to be killed: PROJECT ADDRESS."""

import sys

from generator.drafting.shadow import shadow
from generator.evalset.selection import answerable
from generator.store import Store
from tests.drafting.shadowing import PRICE, candidates

with Store.open(sys.argv[1]) as store:
    shadow(store, candidates(sys.argv[2]), answerable(store), price=PRICE, concurrency=8)
