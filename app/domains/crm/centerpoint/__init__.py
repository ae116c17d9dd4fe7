"""CenterPoint, the CRM this company ran on: its export read, weighed row by row, and brought into our tables.

The guided run (`guided`) and the demonstration (`arrival`) weigh the export alike and differ only in the door by which
it comes in. Files are known by what stands in them, whatever they are called (`recognising`), loose or in a ZIP
(`unpacking`).

What was decided about its faults, and why:

* A row of the wrong width, or hanging on a record that is not here, is refused whole; so is what hangs on it.
* A single value that means nothing (an e-mail without a domain, a date that never was) is left out and listed; the
  row comes in. Values are repaired only where nothing is guessed: a ZIP code regains its leading zeros.
* An invoice whose header differs from its lines is refused with its lines and payments (see `invoices`).
* Money received above an invoice's balance, or entered twice, is held unallocated (see `payments`).
* A sold lead comes in with the customer its company's name finds; no customer is made up for it (see `leads`).
* The Paid column is a claim, the payments are the evidence: paid amounts are the sums of allocations.
* Duplicate customers, tax on exempt customers, invoices dated before their job and completed work nobody billed
  are facts the tables can hold. They come in as they are, for the data-quality rules to find.
"""
