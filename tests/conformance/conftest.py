"""A city per module."""

from tests.support.city_fixtures import city, people, raw, school

__all__ = ["city", "people", "raw", "school"]
