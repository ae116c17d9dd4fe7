"""The thirty features and the ten categories the platform says it has; one declared value each, by concern."""

from app.domains.platform.audit.features.access import ACCESS
from app.domains.platform.audit.features.agents import AGENTS
from app.domains.platform.audit.features.categories import CATEGORIES
from app.domains.platform.audit.features.feature import Feature, Part, Use
from app.domains.platform.audit.features.market import MARKET
from app.domains.platform.audit.features.messages import MESSAGES
from app.domains.platform.audit.features.money import MONEY
from app.domains.platform.audit.features.watch import WATCH
from app.domains.platform.audit.features.work import WORK

FEATURES: tuple[Feature, ...] = tuple(
    sorted((*ACCESS, *AGENTS, *WORK, *WATCH, *MESSAGES, *MONEY, *MARKET), key=lambda each: each.number)
)

__all__ = ["CATEGORIES", "FEATURES", "Feature", "Part", "Use"]
