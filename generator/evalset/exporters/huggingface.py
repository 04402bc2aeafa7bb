"""Hugging Face datasets: a folder for `load_dataset`, one Parquet file a split. Its card says where they are."""

from collections.abc import Mapping, Sequence

from generator.evalset.exporters import parquet
from generator.records import Sample, Split

_SPLITS: tuple[Split, ...] = ("dev", "holdout")


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`data/dev.parquet` and `data/holdout.parquet`, those that hold anything."""
    parts = {split: [sample for sample in samples if sample.split == split] for split in _SPLITS}
    return {f"data/{split}.parquet": parquet.table(part) for split, part in parts.items() if part}
