"""AI model prices: what a million tokens cost, by model and date, so that a call's cost can be worked out again later."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import CREATE, NEVER, Code, Cost, Date, Moment
from app.engine.records import Global, Record, cost, day, text_
from app.engine.resource import Related, Resource


class AiModelPrice(Record, Global):
    __tablename__ = "ai_model_prices"
    provider: Mapped[str] = text_()
    model: Mapped[str] = text_()
    input_per_mtok: Mapped[Decimal] = cost()
    output_per_mtok: Mapped[Decimal] = cost()
    cached_input_per_mtok: Mapped[Decimal | None] = cost()
    valid_from: Mapped[date] = day()
    valid_to: Mapped[date | None] = day()


ai_model_prices = Resource(
    AiModelPrice,
    title="model",
    label="Model prices",
    icon="card",
    nav=("AI", 40),
    about="US dollars per million tokens. A price is never changed: end it and add the new one, so old calls keep theirs.",
    area="ai.prices",
    search=("model", "provider"),
    sort="model,-valid_from",
    scopes={"In force": AiModelPrice.valid_to.is_(None)},
    related=(Related("ai_calls", via="price_id", label="Calls at this price", sort="-started_at"),),
    fields=(
        Code("model", edit=CREATE, filter=True, width="l"),
        Code("provider", edit=CREATE, filter=True),
        Cost("input_per_mtok", label="Input, per million", edit=CREATE, least=0),
        Cost("output_per_mtok", label="Output, per million", edit=CREATE, least=0),
        Cost("cached_input_per_mtok", label="Cached input, per million", edit=CREATE, least=0),
        Date("valid_from", label="From", edit=CREATE, filter=True),
        Date("valid_to", label="Until", filter=True, help="The first day it no longer holds."),
        Moment("created_at", label="Added", edit=NEVER, list=False),
    ),
    sentences={
        "uq_ai_model_prices_provider_model_valid_from": ("valid_from", "This model has a price from that day already."),
        "ck_ai_model_prices_valid_to": ("valid_to", "The end must come after the start."),
    },
)
