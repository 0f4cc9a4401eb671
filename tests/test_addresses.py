import pytest

from steadycode.addresses import redacted
from steadycode.errors import DataError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://host:5000/x", "http://host:5000/x"),
        ("ask me@example.org about http://host", "ask me@example.org about http://host"),
        ("no http://u:pw@host:5000/x (why)", "no http://***@host:5000/x (why)"),
        ("http://u:p@w@host and https://t0k3n@host", "http://***@host and https://***@host"),
        ("http://u:p/w@host", "http://***@host"),
        ("http://u:it's@host", "http://***@host"),
        ("postgresql+psycopg2://u:pw@h/db", "postgresql+psycopg2://***@h/db"),
        ("https://h/c?sv=1&sig=a%2Fb&x=2", "https://h/c?sv=1&sig=***&x=2"),
        ("s3://b/k?X-Amz-Security-Token=abc", "s3://b/k?X-Amz-Security-Token=***"),
    ],
)
def test_nothing_that_lets_somebody_in_is_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown
    assert str(DataError(text)) == shown
