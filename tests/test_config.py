import pytest

from generator.config import Config
from generator.errors import ConfigError


def test_settings_lie_beside_the_project_and_options_win(tmp_path):
    (tmp_path / "groundset.toml").write_text('per_cluster = 6\nmodel = "offline"\ngoal = 1\nclusters = 30\n')
    config = Config.beside(tmp_path / "a.groundset")
    assert (config.per_cluster, config.model, config.goal, config.clusters) == (6, "offline", 1.0, 30)
    assert config.override(per_cluster=2, model=None).per_cluster == 2
    assert config.override(model=None).model == "offline"


def test_without_a_file_the_defaults_hold(tmp_path):
    assert Config.beside(tmp_path / "a.groundset") == Config()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("per_clusters = 4", "unknown key 'per_clusters'"),
        ('per_cluster = "four"', "not of the right type"),
        ("per_cluster = true", "not of the right type"),
        ("encoder = 3", "not of the right type"),
        ("per_cluster = = 4", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path, text, says):
    (tmp_path / "groundset.toml").write_text(text)
    with pytest.raises(ConfigError, match=says) as error:
        Config.beside(tmp_path / "a.groundset")
    assert "groundset.toml" in str(error.value)
