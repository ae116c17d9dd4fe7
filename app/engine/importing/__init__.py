"""Bringing data in: rows of files become records, rehearsed in earnest and taken back before anything is written.

A run has sheets, one a table, parents first. Whoever makes rows hands them in (`runs.open_`, `runs.add_sheet`,
`runs.hand_in`), has them rehearsed (`rehearsal.rehearse`) and applied (`applying.begin`, `applying.carry_out`). Where each
record came from and what its source said last stands in `sources`; an update is worked out three ways there.
"""
