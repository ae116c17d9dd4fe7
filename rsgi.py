"""Entry for the web server, Granian: the pages of wsgi.py on a few threads, and the open streams beside them."""

from app.web.gateway import Gateway
from app.web.newsroom import PLACE, Newsroom
from wsgi import app, config

newsroom = Newsroom(app, listens=config.pooler is None)
server = Gateway(app, config.web_threads, newsroom, **{PLACE: newsroom})
