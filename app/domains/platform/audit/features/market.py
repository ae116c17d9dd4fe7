"""How customers are found and kept: scores of leads, segments."""

from __future__ import annotations

from app.domains.platform.audit.features.feature import Feature, Use, code, move, page, task

MARKET = (
    Feature(
        "lead_scoring",
        "Lead scoring",
        "The score lists its rules and points; changing a rule rescores; an override keeps its reason.",
        number=28,
        tables=("leads", "lead_scoring_rules"),
        parts=(
            code("the sums", "app.domains.crm.lead_scoring:scored"),
            move("overriding with a reason", "leads.override"),
            task("rescoring when a rule changes", "leads.*", "scores.*"),
        ),
        uses=(
            Use("leads that came in", "leads", "created_at"),
            Use("leads answered", "leads", "first_response_at"),
        ),
    ),
    Feature(
        "segmentation",
        "Segmentation",
        "A segment's count equals its list; used in a message it reaches exactly those not suppressed.",
        number=29,
        tables=("customer_segments",),
        parts=(
            move("refreshing", "customer_segments.refresh"),
            task("refreshing by itself", "segments.*"),
            page("the customers of a segment", "*segment*members*", "*segments/*/customers*"),
        ),
        uses=(Use("segments refreshed", "customer_segments", "refreshed_at"),),
    ),
)
