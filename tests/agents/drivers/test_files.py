from pathlib import Path

import pytest

from agents.drivers.files import clean, read


def test_a_file_is_read_without_its_mark_of_byte_order(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read(tmp_path / "a.py", 9) == "a = 1\n"
    with pytest.raises(ValueError, match=r"^larger than 8 bytes$"):
        read(tmp_path / "a.py", 8)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a = 1\n")
    (tmp_path / "b.py").symlink_to(tmp_path / "a.py")
    with pytest.raises(OSError, match="symbolic links"):
        read(tmp_path / "b.py", 100)


def test_what_cannot_be_stored_is_replaced_wherever_it_stands() -> None:
    told = {"a": ["x\0y", ("\ud800", 1)], "b": None}
    assert clean(told) == {"a": ["x\ufffdy", ["?", 1]], "b": None}
