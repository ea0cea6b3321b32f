"""Files that GitHub and pre-commit read: they have the form that is asked for, and fetch nothing."""

import pytest
import yaml

from tests.support import ROOT

FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def read(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_hooks_of_pre_commit_are_local():
    repos = read(".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = repos[0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["entry"].split()[2] for hook in hooks} == {"ruff", "nbstripout"}


@pytest.mark.parametrize("form", [form for form in FORMS if form.stem != "config"], ids=lambda form: form.stem)
def test_issue_forms_have_what_github_asks_for(form):
    content = read(form)
    assert {"name", "description", "body"} <= set(content)
    ids = [part["id"] for part in content["body"] if part["type"] != "markdown"]
    assert ids and len(set(ids)) == len(ids)
    assert all(part["attributes"].get("label") for part in content["body"] if part["type"] != "markdown")


def test_dependabot_looks_at_folders_that_are_there():
    for update in read(".github/dependabot.yml")["updates"]:
        assert (ROOT / update["directory"].lstrip("/")).is_dir()


def test_the_citation_has_what_its_format_asks_for():
    assert {"cff-version", "message", "title", "authors"} <= set(read("CITATION.cff"))
