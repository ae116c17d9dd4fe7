"""Entry for WSGI servers and for `flask --app wsgi`."""

from app import create_app
from app.web.logs import install_logging

install_logging()
app = create_app()
