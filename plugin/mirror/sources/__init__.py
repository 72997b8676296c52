"""Sources: people and hierarchies from where they really live, joined to the accounts of the learning site (docs/sources.md).

How a source hands over what it has, whatever its kind: it makes a :class:`~plugin.mirror.sources.source_data.Delivery` of
:class:`~plugin.mirror.sources.source_data.PersonData` (one for each person it knows), units, audiences and members, and calls
:func:`plugin.mirror.sources.intake.take` with it, inside one transaction. That keeps the identities, joins them, writes
units, jobs, audiences and members of the mirror as ``SOURCE:ID`` and stamps whom it touches; settling follows by itself.
"""
