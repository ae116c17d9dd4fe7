"""What the console costs beside the least a page could cost: ratios in one run over one database."""
