def test_schema(db):
    from plugin.core.ids import advance_seq, read_clock, take_ids

    with db.write() as s:
        assert take_ids(s, 1, "x", 5) == 1
        assert take_ids(s, 1, "x") == 6
        assert advance_seq(s, 1, 100) == 1
        assert advance_seq(s, 1, 50) == 2
    with db.read() as s:
        assert read_clock(s, 1, share=True) == (2, 100)


def test_settings(runtime):
    assert runtime.clock.now() == 1795000000
    from plugin.core.journal import record

    with runtime.db.write() as s:
        record(s, 1, 5, "x", "y")
