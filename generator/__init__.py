"""From production logs to an evaluation set: the pipeline. Read `pipeline.py` first."""
