from keys import errors
from keys.errors import KeysError


def _tree(cls):
    return [cls, *(found for child in cls.__subclasses__() for found in _tree(child))]


def test_every_error_has_its_own_code_and_is_explained():
    tree = [cls for cls in _tree(KeysError) if cls.__module__ == errors.__name__]
    assert len({cls.code for cls in tree}) == len(tree)
    assert all(cls.__doc__ for cls in tree)
