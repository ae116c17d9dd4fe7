"""Several records made one: what hangs on them moves to the one that is kept, and the others lead there from then on."""
