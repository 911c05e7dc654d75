import pytest

# A failed assertion there shall say as much as one in a test.
pytest.register_assert_rewrite("tests.storage.readings")
