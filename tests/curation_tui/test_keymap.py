from pathlib import Path

import pytest

from curation_tui.actions import ACTIONS
from curation_tui.keymap import PRESETS, remapped
from generator.errors import ConfigError
from tests.curation_tui.projects import make_project
from tests.curation_tui.terminal import review


def table(text: str):
    import tomllib

    return remapped(ACTIONS, tomllib.loads(text), text, Path("keys.toml"))


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_gives_a_key_twice(preset: str) -> None:
    assert len(table(f'preset = "{preset}"')) == len(ACTIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[review]\naccept = "x"\n', "keys.toml, line 2: x is both"),
        ('[review]\n\nskip = "s"\n', "line 3: review has no action 'skip'"),
        ('[nowhere]\na = "s"\n', "line 1: there is no screen 'nowhere'"),
        ('preset = "emacs"', "line 1: there is no preset 'emacs'"),
        ("[review]\naccept = 7\n", "line 2: give a key"),
        ('[review]\naccept = "no key"\n', "line 2: 'no key' is no key"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        table(text)


def test_footer_and_bindings_follow_the_file(tmp_path: Path) -> None:
    make_project(tmp_path / "p.groundset")
    (tmp_path / "groundset").mkdir()
    (tmp_path / "groundset" / "keys.toml").write_text('[review]\naccept = "Y"\n')
    with review(tmp_path / "p.groundset", env={"XDG_CONFIG_HOME": str(tmp_path)}) as terminal:
        assert "Y accept" in terminal.text()
        terminal.send("a")
        terminal.send("Y")
        terminal.wait_for("accepted")
