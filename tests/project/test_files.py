"""Files are written completely or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from frantools.files import replacing
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.weights.checkpoints import save_model


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "picture.png"
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        assert not path.exists()
        assert temporary.suffix == ".png"  # it tells some writers the format
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
def test_the_old_file_remains_if_writing_fails(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"before")

    def write() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_simultaneous_writers_use_different_temporary_files(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert path.read_bytes() == b"first"  # whose block ended last
    assert list(tmp_path.iterdir()) == [path]


def test_new_files_follow_the_umask(tmp_path: Path) -> None:
    save_model(FranNet(Config()), tmp_path / "x.safetensors")  # a writer that is stricter on its own
    (tmp_path / "plain").touch()
    assert (tmp_path / "x.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "private.json"
    path.touch(mode=0o600)
    with replacing(path) as temporary:
        temporary.write_text("{}")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("{}", 0o600)


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_remains_and_its_target_is_written(tmp_path: Path, exists: bool) -> None:
    link, target = tmp_path / "link.json", tmp_path / "elsewhere" / "target"
    target.parent.mkdir()
    if exists:
        target.write_text("before")
    link.symlink_to(target)
    with replacing(link) as temporary:
        assert (temporary.suffix, temporary.parent) == (".json", target.parent)
        temporary.write_text("{}")
    assert link.is_symlink()
    assert target.read_text() == "{}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(ValueError, match="is a device or a pipe"), replacing(path):
            pass


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder, not a file to write"), replacing(tmp_path):
        pass


def test_a_file_is_not_replaced_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"x\.png cannot be written: "), replacing(tmp_path / "file" / "x.png"):
        pass


def test_the_longest_file_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 251}.png"
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
