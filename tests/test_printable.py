"""What engines and files say reaches a terminal as plain text."""

from ecosim.printable import printable, printable_lines


def test_escape_sequences_and_line_breaks_are_spelled_out():
    assert printable("a\x1b[31m\nb\u202e") == "a\\x1b[31m\\x0ab\\x202e"
    assert printable("Bär, ✓ 25 °C") == "Bär, ✓ 25 °C"


def test_lines_stay_lines():
    assert printable_lines("a\x07\nb\r\n") == "a\\x07\nb\\x0d\n"
