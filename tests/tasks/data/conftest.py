import pytest

from tests.tasks.data.toys import serving


@pytest.fixture
def server():
    with serving() as server:
        yield server
