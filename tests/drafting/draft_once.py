"""One drafting run as a process of its own, to be killed: PROJECT URL."""

import sys

from generator.drafting.drafting import draft
from generator.drafting.providers import open_provider
from generator.store import Store

with Store.open(sys.argv[1]) as store:
    draft(store, open_provider("openai/m", sys.argv[2], environ={}), price=(1.0, 2.0), concurrency=8, per_cluster=8)
