"""A hundred strings that strangers send: halves of letters, controls, directions, endless ones, formulas, code of every kind."""

from __future__ import annotations

_CONTROLS = [chr(one) for one in (*range(1, 32), 127, 0x80, 0x85, 0x9B, 0x9F)]
_ODD = [
    "\x00", "a\x00b", "\ud800", "\udfff", "half \ud83d", "\ude00 half", "\udcff\udcfe", "\ud83d\ud83d", "\ufffe", "\uffff",
    "\ufeffmark", "\u202eover\u202c", "\u202eopen", "\u2066isolate", "\u200fright\u200e", "\u2028\u2029", "a\u0308\u0323",
    "e" + "\u0301" * 200, "\U0010ffff", "\U000e0001tag", "👩‍👩‍👧‍👦", "ﷺ", "ß", "İ", "ı", "ǅ", "Å", "A\u030a", "株式会社山田", "שלום عليكم",
]  # fmt: skip
_LONG = ["x" * 65_536, "ü" * 65_536, "x" * 256, "\U0001f600" * 300, " " * 300, "a b " * 20_000]
_CODE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", " =1+1", "\r=cmd|' /C calc'!A0", "'=1", '="01"', "<script>alert(1)</script>",
    "<b>bold</b>", "&amp;", "\"'`", "{{ 7*7 }}", "{% raw %}", "%s%s%n", "%(name)s", "{name}", "${jndi:ldap://x}", "'; DROP TABLE",
    "' OR 1=1 --", "%", "_", "*", "\\", "\\u0000", "..", ".", "../../etc/passwd", "/", "a/b", "a,b", "null", "None", "true",
    "NaN", "1e400", "0", "-0", "0123", "12:30", "1_000", "0x1F", "010", "2026-13-45", "\n", "line\nline", "\r\nX-Header: 1",
]  # fmt: skip
STRINGS = list(dict.fromkeys([*_CONTROLS, *_ODD, *_LONG, *_CODE]))
assert len(STRINGS) >= 100
