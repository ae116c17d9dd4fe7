"""The SQL desk: one read-only statement at a time, over views that show each person what their role shows elsewhere.

Three walls stand one behind the other, and each holds alone:

- `statement` reads the text with PostgreSQL's own grammar and lets only what is on a list pass: SELECT and VALUES, known
  functions and types, the tables this role reads. It says where a masked column is used rather than shown.
- The statement runs as a login of its own, in a read-only transaction that is always rolled back, with limits of time,
  memory and disk. That login can open nothing but the views of `views`: not a table, not a catalogue of ours.
- The views ask the log for leave. A run that is written down as under way is the permit; it says whose company, which
  tables and which columns are masked. A statement nobody wrote down sees no row, and a masked column is empty before the
  statement ever touches it, so no expression, order, count or error can tell what stood there.
"""
