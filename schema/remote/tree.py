"""A remote listing as a tree of empty files: what looks for files by pattern looks at it as at any other folder."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schema.remote import copies, files
from schema.remote.addresses import here, made_cache
from schema.remote.files import Entry

_MAGIC = re.compile(r"[*?\[{]")


@dataclass(frozen=True)
class Tree:
    """Placeholders of remote files.

    Attributes:
      address: the remote folder that the tree stands for.
      key: of the placeholders, as `addresses.here` takes it.
      entries: the files below the folder.
    """

    address: str
    key: str
    entries: Mapping[str, Entry]

    def name(self, placeholder: Path) -> str:
        """The rest of a file's name, below the folder."""
        return placeholder.relative_to(here(self.address, self.key)).as_posix()

    def version(self, names: Iterable[str]) -> str:
        """Names some of the files as they are now: 16 hex digits that change with their content."""
        digest = hashlib.sha256(self.address.encode())
        for name in sorted(names):
            digest.update(f"{name}\0{self.entries[name].size}\0{self.entries[name].version}\n".encode())
        return digest.hexdigest()[:16]

    def fetch(self, found: Sequence[Path]) -> list[Path]:
        """Copies of the files that some placeholders stand for.

        Raises:
          SettingsError, DataError, HeadgateError: see `copies.fetch`.
        """
        entries = {name: self.entries[name] for name in map(self.name, found)}
        folder = copies.fetch(self.address, self.version(entries), entries=entries)
        return [folder / name for name in entries]


@contextmanager
def placeholders(pattern: str) -> Iterator[Tree]:
    """Lists all files that a pattern may match.

    Args:
      pattern: an address, perhaps with wildcards and such things as `{SPAN}`.

    Raises:
      SettingsError, DataError, HeadgateError: see `files.listing`.
    """
    address, entries = _listed(pattern)
    beside = [] if entries else files.children(address)  # for whoever tells what there is instead
    with tempfile.TemporaryDirectory(prefix=".listing-", dir=made_cache()) as folder:
        tree = Tree(address, Path(folder).name, entries)
        for name in (*entries, *beside):
            path = here(address, tree.key) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        yield tree


def _listed(pattern: str) -> tuple[str, dict[str, Entry]]:
    """The last folder before the pattern's first wildcard, and the files below; of a plain address, those at it."""
    magic = _MAGIC.search(pattern)
    exact = pattern.rstrip("/")
    scheme, _, rest = (pattern[: magic.start()] if magic else exact).partition("://")
    folder = rest.rpartition("/")[0] or rest
    address = f"{scheme}://{folder}"
    if magic or address == exact:
        return address, files.listing(address)
    return address, {
        files.below(exact[len(address) + 1 :], name): entry for name, entry in files.listing(exact).items()
    }
