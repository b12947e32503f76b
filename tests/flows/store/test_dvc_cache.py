"""DVC's cache is found where its settings say, without opening the repository."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from flows.store import dvc_cache


@pytest.mark.parametrize("said", ["", "[cache]\n    dir = ../../shelf\n"])
def test_the_cache_is_where_dvc_itself_keeps_it(tmp_path: Path, said: str):
    root = tmp_path / "project"
    root.mkdir()
    Repo.init(str(root), no_scm=True).close()
    (root / ".dvc" / "config.local").write_text(said)
    with Repo(str(root)) as repo:
        assert dvc_cache.find_object_cache(root) == Path(repo.cache.local_cache_dir)
