"""The service items of a system: files in the folder `services` of its home.

Their purposes are registered ones: those that come with this software, and what the exchange's own file adds to them
and retires, when `purposes.toml` lies in the home.

Which way it fails: closed. A file that breaks a rule, is another department's, or has the code of another file is not
used, and using its code says why. With a file of purposes that is not understood there is no service item at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nodes.enrolment.errors import BadInput, HomeInvalid
from nodes.enrolment.private_files import read_public
from policies.purposes import PURPOSES, BadPurposes, Purposes, extended_by
from policies.services import BadService, ServiceItem, parse_service

FOLDER: Final = "services"
PURPOSES_FILE: Final = "purposes.toml"


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """One file of the folder.

    Args:
        path: The file.
        service: The service item; None when it is not used.
        problem: Why it is not used; empty when it is.
    """

    path: Path
    service: ServiceItem | None
    problem: str = ""


def read_service(path: Path, purposes: Purposes = PURPOSES) -> ServiceItem:
    """Reads a service item and says where it is wrong.

    Args:
        path: The TOML file.
        purposes: The registered purposes.

    Returns:
        The service item.

    Raises:
        BadInput: It does not parse; file, line, key and rule are in the text.
        HomeInvalid: It cannot be read.
    """
    try:
        return parse_service(read_public(path), purposes)
    except BadService as error:
        where = path.name if error.line is None else f"{path.name}:{error.line}"
        raise BadInput(f"{where}: {error.key}" if error.key else where, error.rule) from error


def known_purposes(home: Path) -> Purposes:
    """The registered purposes that a system knows.

    Args:
        home: The home's folder.

    Raises:
        BadInput: The home's file of purposes is not understood.
    """
    file = home / PURPOSES_FILE
    try:
        return extended_by(PURPOSES, file if file.exists() else None)
    except BadPurposes as error:
        where = file.name if error.line is None else f"{file.name}:{error.line}"
        raise BadInput(f"{where}: {error.key}" if error.key else where, error.rule) from error


class ServiceFiles:
    """The service items of one home.

    Args:
        home: The home's folder.
        department: The home's department.
    """

    def __init__(self, home: Path, department: str) -> None:
        self._home = home
        self._folder = home / FOLDER
        self._department = department

    def list(self) -> tuple[ServiceFile, ...]:
        """Every file, in order of name, as it is now; a missing folder is empty.

        Raises:
            BadInput: The home's file of purposes is not understood.
        """
        read = tuple(self._read())
        codes = [file.service.code for file in read if file.service is not None]
        return tuple(
            ServiceFile(file.path, None, f"code: another file has {file.service.code} too")
            if file.service is not None and codes.count(file.service.code) > 1
            else file
            for file in read
        )

    def get(self, code: str) -> ServiceItem:
        """The service item of a code.

        Args:
            code: Its code.

        Raises:
            BadInput: No file has it, or the one that has is not used; the text says why. Or the home's file of purposes
                is not understood.
        """
        listed = self.list()
        for file in listed:
            if file.service is not None and file.service.code == code:
                return file.service
        problems = "; ".join(f"{file.path.name}: {file.problem}" for file in listed if file.problem)
        raise BadInput("service", "no usable file has this code" + (f" ({problems})" if problems else ""))

    def _read(self) -> Iterator[ServiceFile]:
        purposes = known_purposes(self._home)
        for path in sorted(self._folder.glob("*.toml")):
            try:
                service = read_service(path, purposes)
            except (BadInput, HomeInvalid) as error:
                yield ServiceFile(path, None, error.detail)
                continue
            if service.department == self._department:
                yield ServiceFile(path, service)
            else:
                yield ServiceFile(path, None, "department: is another one than this home's")
