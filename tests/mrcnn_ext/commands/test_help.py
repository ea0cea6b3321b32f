"""What the commands say about themselves: numbers are those of the code, an option means the same everywhere."""

import re
from collections import defaultdict

import pytest
import typer

from mrcnn_ext.commands.cli import app


def leaves(command, name=()):
    """{words: command} of all commands that do something."""
    if not hasattr(command, "commands"):
        return {" ".join(name): command}
    return {words: leaf for part, sub in command.commands.items() for words, leaf in leaves(sub, (*name, part)).items()}


COMMANDS = leaves(typer.main.get_command(app))
SHARED = ("run", "subset", "year", "logs", "allow_private")


def one_line(text):
    return re.sub(r"\s+", " ", text)


def test_train_tells_the_epochs_and_stages_of_the_code():
    from mrcnn_ext.training.train_run import EPOCHS

    text, options = one_line(COMMANDS["train"].help), {option.name: option.help for option in COMMANDS["train"].params}
    (alone,), (heads, whole) = EPOCHS[1], EPOCHS[2]
    assert f"the whole network trains for {alone} epochs" in text
    assert f"With --weights: the heads up to epoch {heads}, then the whole network up to epoch {whole}." in text
    assert f'Default: "{alone}" for one stage, "{heads},{whole}" for two.' in options["epochs"]


def test_train_measures_as_many_images_as_the_code():
    from mrcnn_ext.training.train_run import AP_IMAGES

    assert {option.name: option.default for option in COMMANDS["train"].params}["ap_images"] == AP_IMAGES


def test_an_option_of_several_commands_has_one_meaning():
    meanings = defaultdict(set)
    for command in COMMANDS.values():
        for option in command.params:
            if option.name in SHARED:
                meanings[option.name].add(option.help)
    assert {name: len(texts) for name, texts in meanings.items()} == dict.fromkeys(SHARED, 1)


def test_images_is_a_folder_of_images_everywhere():
    texts = {
        name: option.help for name, command in COMMANDS.items() for option in command.params if option.name == "images"
    }
    assert len(texts) >= 6
    assert {name: text for name, text in texts.items() if not text.startswith("Folder of the images.")} == {}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_a_sentence_and_an_example(name):
    command = COMMANDS[name]
    assert [line for line in command.help.split("\n")[1:] if len(line.strip()) > 84 and "mrcnn" not in line] == []
    assert command.help.split("\n")[0].endswith(".")
    assert f"mrcnn {name}" in command.help
    assert {option.name: option.help for option in command.params if not (option.help or "").endswith(".")} == {}
