"""Data quality: declared rules find what is wrong in the records, queues hold it for people, fixes put it right."""
