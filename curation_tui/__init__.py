"""The terminal app: people decide what goes into the evaluation set. Start it with `groundset curate PROJECT`."""
