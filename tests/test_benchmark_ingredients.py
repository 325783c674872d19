"""The ingredients benchmark: each is taken away by itself; only the whole recipe shows its test accuracy."""

from pathlib import Path

import pytest
import small_mnist
from measured import invoke, printed, row

from benchmarks import ingredients
from training.recipe import RECIPES, recipe


def test_every_row_but_the_first_takes_one_thing_away() -> None:
    assert [len(choices) for choices in ingredients.WITHOUT.values()] == [0, 1, 1, 1, 1, 1, 1]
    for choices in ingredients.WITHOUT.values():
        for name, value in choices.items():
            assert not value and getattr(RECIPES["digitnet"], name), "it is in the recipe"
        recipe("digitnet", **choices)


def test_a_spread_is_a_mean_with_its_range() -> None:
    assert ingredients.spread([0.99, 0.98, 1.0]) == "99.00 (98.00-100.00)"


def test_only_the_whole_recipe_shows_what_the_test_images_say() -> None:
    one = {"validation": 0.9, "test": 0.8, "scene digits read right": 0.7, "scene non-digits read": 0.1}
    table = ingredients.ingredient_table({ingredients.WHOLE: [one], "without scenes": [one]})
    assert row(printed(table), ingredients.WHOLE) == ["1", "90.00", "70.00", "10.00", "80.00"]
    assert "80.00" not in printed(table).split("without scenes")[1]


def test_a_training_a_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name, value in small_mnist.replacements():
        monkeypatch.setattr(owner, name, value)
    data = small_mnist.write(tmp_path / "mnist")
    few = ("--epochs", "1", "--scenes", "60", "--seeds", "2", "--only", ingredients.WHOLE)
    result = invoke(ingredients, "--data", str(data), *few)
    assert result.exit_code == 0, result.output
    assert row(result.output, ingredients.WHOLE)[0] == "2"


def test_a_row_that_is_not_there_is_named() -> None:
    result = invoke(ingredients, "--only", "salt")
    assert result.exit_code == 1 and "salt" in result.output
