"""One run of the drafting loop as a process of its own, to be killed: PROJECT URL."""

import sys
from pathlib import Path

from generator.pipeline import Silent
from generator.rounds import draft_until
from generator.store import Store
from tests.drafting.test_loop import PRICE, config_for

with Store.open(Path(sys.argv[1])) as store:
    draft_until(store, config_for(sys.argv[2]), Silent(), 0.99, price=PRICE, names=False)
