"""The wire contract explains itself: every service, method, message, field, enum and value has a comment.

The .proto files are read as descriptors with their source information, as any gRPC tool would.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

from tests.architecture.sources import PROTOS, ROOT

# Field numbers in descriptor.proto: by these numbers the source information names its places.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _NESTED_ENUM, _ONEOF = 2, 3, 4, 8
_VALUE, _METHOD = 2, 2


@cache
def descriptors(folder: Path) -> descriptor_pb2.FileDescriptorSet:
    """All .proto files with their comments."""
    out = folder / "set.pb"
    code = protoc.main(
        ["protoc", f"-I{ROOT / 'proto'}", "--include_source_info", f"--descriptor_set_out={out}", *map(str, PROTOS)]
    )
    assert code == 0
    return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[descriptor_pb2.FileDescriptorProto]:
    return list(descriptors(tmp_path_factory.mktemp("protos")).file)


def _messages(
    path: tuple[int, ...], prefix: str, message: descriptor_pb2.DescriptorProto
) -> Iterator[tuple[tuple[int, ...], str]]:
    here = f"{prefix}{message.name}"
    yield path, here
    for number, field in enumerate(message.field):
        yield (*path, _FIELD, number), f"{here}.{field.name}"
    for number, oneof in enumerate(message.oneof_decl):
        yield (*path, _ONEOF, number), f"{here}.{oneof.name}"
    for number, nested in enumerate(message.nested_type):
        yield from _messages((*path, _NESTED, number), f"{here}.", nested)
    for number, enum in enumerate(message.enum_type):
        yield from _enum((*path, _NESTED_ENUM, number), f"{here}.", enum)


def _enum(
    path: tuple[int, ...], prefix: str, enum: descriptor_pb2.EnumDescriptorProto
) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, f"{prefix}{enum.name}"
    for number, value in enumerate(enum.value):
        yield (*path, _VALUE, number), f"{prefix}{enum.name}.{value.name}"


def elements(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Everything in a file that must have a comment: its place and its name."""
    for number, message in enumerate(file.message_type):
        yield from _messages((_MESSAGE, number), "", message)
    for number, enum in enumerate(file.enum_type):
        yield from _enum((_ENUM, number), "", enum)
    for number, service in enumerate(file.service):
        yield (_SERVICE, number), service.name
        for place, method in enumerate(service.method):
            yield (_SERVICE, number, _METHOD, place), f"{service.name}.{method.name}"


def test_the_parser_sees_every_file(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    assert sorted(Path(file.name).name for file in files) == [path.name for path in PROTOS]
    assert sum(len(list(elements(file))) for file in files) > 200


def test_everything_on_the_wire_has_a_comment(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    silent = []
    for file in files:
        said = {
            tuple(location.path)
            for location in file.source_code_info.location
            if len(location.leading_comments.split()) >= 1
        }
        silent += [f"{file.name}: {name}" for path, name in elements(file) if path not in said]
    assert not silent


def test_a_time_says_its_unit_in_its_name(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    for file in files:
        for message in file.message_type:
            for field in message.field:
                if field.name.endswith(("_at", "_time", "_seconds", "_date")):
                    pytest.fail(f"{message.name}.{field.name}")


def test_every_enum_starts_with_a_value_that_states_nothing(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    for file in files:
        for enum in file.enum_type:
            assert enum.value[0].number == 0
            assert enum.value[0].name.endswith("_UNSPECIFIED")
