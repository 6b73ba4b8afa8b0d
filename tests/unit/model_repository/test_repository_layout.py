import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3] / "model_repository"
ENSEMBLES = {"ocr": ["decode", "text_detect", "text_recognize"], "image_stats": ["decode", "image_measure"]}
ENSEMBLES["image_thumbnail"] = ["decode", "image_shrink"]


def config(model: str) -> str:
    return (REPOSITORY / model / "config.pbtxt").read_text()


def test_both_copies_of_the_session_module_are_alike() -> None:
    copies = [(REPOSITORY / model / "1" / "onnx_session.py").read_text() for model in ("text_detect", "text_recognize")]
    assert copies[0] == copies[1]


@pytest.mark.parametrize("model", sorted(folder.name for folder in REPOSITORY.iterdir() if folder.is_dir()))
def test_every_model_has_its_own_name_no_batches_and_a_version_folder(model: str) -> None:
    assert f'name: "{model}"' in config(model)
    assert "max_batch_size: 0" in config(model)
    assert (REPOSITORY / model / "1").is_dir()


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_an_ensemble_names_its_steps_and_describes_itself(ensemble: str) -> None:
    assert re.findall(r'model_name: "(\w+)"', config(ensemble)) == ENSEMBLES[ensemble]
    assert (REPOSITORY / ensemble / "1" / ".gitkeep").exists()
    assert 'key: "gateway.description"' in config(ensemble)
    assert 'key: "gateway.tag"' in config(ensemble)
