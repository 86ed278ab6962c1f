"""What is on record of the files that a run read."""

from __future__ import annotations

from components.ingest import sources


def test_few_files_are_listed_one_by_one(tmp_path):
    for name, text in (("b.csv", "12345"), ("a.csv", "1")):
        (tmp_path / name).write_text(text)
    found = sources.look_at([tmp_path / "b.csv", tmp_path / "a.csv"])
    assert [(each.path, each.files, each.bytes) for each in found] == [
        (str(tmp_path / "a.csv"), 1, 1),
        (str(tmp_path / "b.csv"), 1, 5),
    ]
    assert found[0].modified.endswith("+00:00")
    sources.write(found, tmp_path)
    assert sources.read(tmp_path) == found


def test_many_files_are_told_by_folder(tmp_path):
    files = [tmp_path / kind / f"{number}.png" for kind in ("good", "bad") for number in range(sources.LISTED)]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("12")
    found = sources.look_at(files)
    assert [(each.path, each.files, each.bytes) for each in found] == [
        (str(tmp_path / kind), sources.LISTED, 2 * sources.LISTED) for kind in ("bad", "good")
    ]


def test_a_link_to_nothing_is_on_record_too(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    [found] = sources.look_at([tmp_path / "gone.png"])
    assert found.files == 1
