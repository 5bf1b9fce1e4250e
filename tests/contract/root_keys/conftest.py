"""Every provider of root keys, opened afresh as often as a test asks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keys.passphrase import LOWEST
from keys.providers.file import FileRootKeys
from keys.providers.root_keys import RootKeys
from tests.support.tokens import MODULE, PIN, WHY_NOT, Tokens

Opening = Callable[[], RootKeys]


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    if not MODULE:
        pytest.skip(WHY_NOT)
    return Tokens(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture(params=["file", "pkcs11"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    """Opens the same provider again, as another process would."""
    if request.param == "file":
        return lambda: FileRootKeys(tmp_path / "root-keys.bin", lambda: b"correct horse", LOWEST)
    from keys.providers.pkcs11 import TokenRootKeys

    label = request.getfixturevalue("tokens").make()
    return lambda: TokenRootKeys(MODULE, label, "oncegate-root", PIN.encode)
