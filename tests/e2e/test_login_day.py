"""A short day of boxes and host with one login (AUTH-5); the long one is tests/soak/login_day.py."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))

import login_day  # noqa: E402
from login_double import Tokens  # noqa: E402
from login_host import authority, logins, net, where  # noqa: E402, F401


@pytest.fixture
def tokens():
    return Tokens(login_day.TOLD, login_day.REAL)


def test_nobody_is_logged_out(logins):
    day = login_day.run(logins, seconds=60, boxes=6)
    assert not day.problems, day.figures()
    assert len([status for _, status in logins.tokens.asked if status == 200]) >= 5
