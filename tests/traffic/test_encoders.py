import subprocess
import sys

import numpy as np
import pytest

from generator.errors import EncoderError
from generator.traffic import encoders
from generator.traffic.encoders import LexicalEncoder, open_encoder
from tests.hostile.corpus import HOSTILE

TEXTS = ["where is my parcel", "my parcel never came", "reset my password", "¿dónde está mi pedido?", "x" * 50_000]


def test_minilm_puts_the_same_need_in_other_words_nearer_than_another_need():
    vectors = open_encoder("minilm", list).encode(TEXTS)
    assert vectors.shape == (5, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_minilm_without_torch_gives_the_vectors_that_sentence_transformers_gives():
    texts = [*HOSTILE.values(), *TEXTS, "", " ", "word " * 600, "a\ud800b", "where is my parcel? " * 40]
    readable = [encoders._readable(text, 256) for text in texts]
    model = encoders.with_marks(encoders.load_sentence_model("minilm"), encoders.MINILM_MARKS)
    theirs = model.encode(readable, show_progress_bar=False)
    similarity = np.einsum("ij,ij->i", open_encoder("minilm", list).encode(texts), theirs)
    assert similarity.min() > 0.99999


def test_a_text_has_the_same_vector_alone_and_among_others():
    encoder = open_encoder("minilm", list)
    texts = [*TEXTS, "", "the parcel " * 90]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.allclose(encoder.encode(texts * 3), np.tile(alone, (3, 1)), atol=1e-5)
    assert encoder.encode([]).shape == (0, 384)


def test_a_few_texts_are_encoded_without_torch_and_many_with_it():
    program = """
import sys
from generator.traffic.encoders import _FEW, open_encoder
encoder = open_encoder("minilm", list)
few = encoder.encode(["where is my parcel"])
heavy = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "faiss"} & set(sys.modules)
many = encoder.encode(["where is my parcel"] * (_FEW + 1))
print(sorted(heavy), "torch" in sys.modules, bool((few @ many.T).min() > 0.999))
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[] True True\n"


@pytest.mark.parametrize("name", ["minilm", "lexical"])
def test_which_number_a_placeholder_got_changes_no_vector(name):
    texts = ["call me at ⟦PHONE-1⟧ or ⟦PHONE-2⟧", "call me at ⟦PHONE-7⟧ or ⟦PHONE-31⟧", "call me at ⟦EMAIL-1⟧"]
    vectors = open_encoder(name, lambda: texts).encode(texts)
    assert np.allclose(vectors[0], vectors[1], atol=1e-6)
    assert vectors[0] @ vectors[2] < 0.99


def test_weights_are_checked_without_torch_as_well(monkeypatch):
    monkeypatch.setattr(encoders, "_MINILM_SHA256", "0" * 64)
    with pytest.raises(EncoderError, match="is not the published"):
        open_encoder("minilm", list).encode(["x"])


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"something else")
    with pytest.raises(EncoderError, match="is not the published"):
        encoders._check_weights(path)


def test_a_model_that_is_neither_here_nor_reachable_is_said_at_once(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EncoderError, match="the hub cannot be reached"):
        open_encoder("nobody/has-this-model", list).encode(["x"])


def test_lexical_needs_no_model_and_gives_the_same_vectors_each_time():
    first, second = (LexicalEncoder(TEXTS * 3) for _ in range(2))
    assert first.slug == second.slug
    assert np.array_equal(first.encode(TEXTS), second.encode(TEXTS))
    assert LexicalEncoder(TEXTS).slug != LexicalEncoder([*TEXTS, "more"]).slug


@pytest.mark.parametrize("corpus", [["one"], ["one", "two"], ["", " "], ["ok"] * 3])
def test_lexical_works_on_the_smallest_traffic(corpus):
    assert np.isfinite(LexicalEncoder(corpus).encode([*corpus, "unheard of"])).all()


def test_hostile_texts_get_finite_vectors():
    texts = [text.encode("utf-8", "replace").decode() for text in HOSTILE.values()]
    for encoder in (LexicalEncoder(texts), open_encoder("minilm", list)):
        assert np.isfinite(encoder.encode(texts)).all()


def test_openai_speaks_to_a_real_server_and_an_error_is_one_sentence(monkeypatch):
    from tests.wire.embeddings import embedding_server

    with embedding_server(width=8) as url:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        vectors = open_encoder("openai/text-embedding-3-small", list).encode(["a", "", "b"])
        assert vectors.shape == (3, 8)
    with pytest.raises(EncoderError, match="could not embed"):
        open_encoder("openai/text-embedding-3-small", list).encode(["a"])


def test_openai_without_a_key_says_which_variable_to_set(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EncoderError, match="OPENAI_API_KEY"):
        open_encoder("openai/text-embedding-3-small", list)
