import pytest

from tests.tasks.data.synthetic import serving


@pytest.fixture
def server():
    with serving() as server:
        yield server
