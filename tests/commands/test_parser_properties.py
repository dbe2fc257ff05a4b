"""Whatever is typed, the parser answers with options or with an exit code and two lines."""

from __future__ import annotations

import contextlib
import io

from command_bench import tree_options
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosim.cli import make_tree

_COMMANDS = sorted({word for command, _ in tree_options() for word in command.split()[1:]})
_OPTIONS = sorted({option for _, option in tree_options() if option.startswith("-")})
_WORDS = st.one_of(
    st.sampled_from(_COMMANDS),
    st.sampled_from(_OPTIONS),
    st.sampled_from(["--", "-", "--=", "-n=3", "--help", "-5", "demo", "3", "a=1", "''", "%s"]),
    st.text(max_size=5),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_WORDS, max_size=6))
def test_the_parser_ends_in_order(words: list[str]) -> None:
    out, error = io.StringIO(), io.StringIO()
    arguments = code = None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            arguments = make_tree().parse(words)
    except SystemExit as stop:
        code = stop.code
    if arguments is not None:
        assert callable(arguments.command.run)
        assert out.getvalue() == error.getvalue() == ""
    elif code == 0:
        assert error.getvalue() == ""
        assert out.getvalue().startswith(("usage: ecosim", "ecosim "))
    else:
        assert code == 2
        assert error.getvalue().startswith("usage: 'ecosim")
        assert ": error: " in error.getvalue()
