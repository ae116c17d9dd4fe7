"""Entry for WSGI servers and for `flask --app wsgi`."""

import sys

from app import create_app
from app.cli import register
from app.config import ConfigError, load
from app.core.startup import open_database
from app.web.logs import install_logging

install_logging()
try:
    config = load()
    if config.database_url is None:  # nobody has opened one for us, as `console run` does
        config, _ = open_database(config)
except ConfigError as refusal:
    print(refusal.sentence, file=sys.stderr)
    sys.exit(2)
app = create_app(config)
register(app)
