import numpy as np
import pytest

from generator.errors import EncoderError
from generator.traffic import encoders
from generator.traffic.encoders import open_encoder
from generator.traffic.int8 import has_int8
from generator.traffic.packed import PackedBert
from tests.hostile.corpus import HOSTILE

TEXTS = [
    *list(HOSTILE.values())[::4],
    "",
    " ",
    "word " * 600,
    "a\ud800b",
    "where is my parcel? " * 9,
    "where is my parcel",
]


@pytest.fixture(scope="module")
def model():
    return encoders.load_sentence_model("minilm")


@pytest.fixture(scope="module")
def marked(model):
    return encoders.with_marks(model, encoders.MINILM_MARKS)


@pytest.fixture(scope="module")
def theirs(marked):
    return encoders.unit(marked.encode(readable(), show_progress_bar=False))


def readable():
    return [encoders._readable(text, encoders.MINILM_TOKENS) for text in TEXTS]


def of_package(*, bf16):
    return PackedBert.of_folder(encoders._packaged_minilm(), 256, encoders.MINILM_MARKS, bf16=bf16)


def agreement(one, other):
    return np.einsum("ij,ij->i", one, other).min()


def test_packed_texts_get_the_vectors_that_sentence_transformers_gives(model, theirs):
    for packed in (of_package(bf16=False), PackedBert.of_model(model, encoders.MINILM_MARKS, bf16=False)):
        assert agreement(packed.encode(readable()), theirs) > 0.99999


def test_a_model_of_somebodys_own_is_packed_as_it_was_published(model):
    packed = PackedBert.of_model(model, 1.0, bf16=False)
    published = encoders.unit(model.encode(readable(), show_progress_bar=False))
    assert agreement(packed.encode(readable()), published) > 0.99999


def test_bfloat16_changes_vectors_by_next_to_nothing(theirs):
    packed = of_package(bf16=True)
    assert agreement(packed.encode(readable()), theirs) > 0.999


@pytest.mark.skipif(not has_int8(), reason="this processor has no VNNI")
def test_eight_bits_change_vectors_by_little_and_by_the_same_each_time(theirs):
    one, other = (open_encoder("minilm-int8", list).encode(readable()) for _ in range(2))
    assert np.median(np.einsum("ij,ij->i", one, theirs)) > 0.98
    assert agreement(one, other) > 0.99999


def test_eight_bits_are_refused_where_they_would_overflow(monkeypatch):
    monkeypatch.setattr("generator.traffic.int8.has_int8", lambda: False)
    with pytest.raises(EncoderError, match="take --encoder minilm"):
        open_encoder("minilm-int8", list).encode(["where is my parcel"])


def test_a_text_has_the_same_vector_alone_and_among_others():
    packed = of_package(bf16=False)
    alone = np.concatenate([packed.encode([text]) for text in readable()[::5]])
    assert np.allclose(packed.encode(readable())[::5], alone, atol=1e-5)
    assert packed.encode([]).shape == (0, 384)


def test_a_model_that_pools_by_its_first_token_is_packed_as_well(model):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    first = SentenceTransformer(modules=[model[0], Pooling(384, pooling_mode="cls")])
    packed = PackedBert.of_model(first, 1.0, bf16=False)
    assert agreement(packed.encode(readable()), encoders.unit(first.encode(readable()))) > 0.99999


def test_what_is_not_a_plain_bert_stays_with_sentence_transformers(model):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    other = SentenceTransformer(modules=[model[0], Pooling(384, pooling_mode="max")])
    assert PackedBert.of_model(other, 1.0, bf16=False) is None
