"""Templates are sent without their indentation, and with every value as it is."""

from __future__ import annotations

from jinja2 import Environment

from plugin.web.frame.white_space import OneBlank


def sent(template: str, **values: str) -> str:
    return Environment(extensions=[OneBlank], autoescape=True).from_string(template).render(**values)


def test_indentation_becomes_one_blank() -> None:
    assert sent("<p\n    class='a'>\n  Text\n   goes on</p>") == "<p class='a'> Text goes on</p>"


def test_values_keep_their_white_space() -> None:
    assert sent("<p>\n  {{ name }}</p>", name="two  blanks\n") == "<p> two  blanks\n</p>"


def test_text_of_pre_and_textarea_stays_as_it_is_written() -> None:
    assert sent("<pre>POST {{ url }}\n\nbody</pre>\n\n<p>", url="/x") == "<pre>POST /x\n\nbody</pre> <p>"
    assert sent("<textarea>\n{{ text }}\n</textarea>", text="a") == "<textarea>\na\n</textarea>"
