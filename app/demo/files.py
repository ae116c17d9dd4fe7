"""Files, what they are and what CenterPoint still holds.

Only what is known about files is made up here: their bytes are not stored, and every storage key begins with `demo/`.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.company import of_kind
from app.demo.world import Record, World, pick_weighted

CAPTIONS = {
    "before": (
        "Open seam at the parapet",
        "Water standing at drain 4",
        "Blister, two by three feet",
        "Split boot at RTU 3",
    ),
    "during": ("Membrane rolled out", "Insulation laid in", "Old flashing taken off", "Seam being welded"),
    "after": ("Patch welded and tested", "Drain cleared, strainer set", "New boot at RTU 3", "Coping back in place"),
    "general": ("Roof from the north-east corner", "Access by the hatch", "Whole roof from the lift"),
}
SEEN = (
    "ponding water",
    "open seam",
    "membrane",
    "drain",
    "parapet",
    "HVAC unit",
    "flashing",
    "puncture",
    "blister",
    "coping",
)
NOTES = ("Scanned again, straight this time", "Signed page added", "Price corrected", "Logo and address updated")


def storage_key(sha256: bytes) -> str:
    """Where the bytes of that fingerprint would lie."""
    told = sha256.hex()
    return f"demo/{told[:2]}/{told[2:4]}/{told}"


@dataclass
class Shelf:
    """Files with their versions, photos and documents, gathered first so that each is written in one go."""

    world: World
    dice: random.Random
    files: list[Record] = field(default_factory=list)
    versions: list[Record] = field(default_factory=list)
    photos: list[Record] = field(default_factory=list)
    papers: list[Record] = field(default_factory=list)
    staff: list[int] = field(default_factory=list)

    def add(
        self, name: str, category: str, mime: str, at: datetime, about: tuple[str, int] | None = None, folder: str = "/",
        by: int | None = None, versions: int = 1, size: int | None = None, **more: Any,
    ) -> Record:  # fmt: skip
        """One file; its id is its place on the shelf until it is written."""
        dice, at = self.dice, min(at, self.world.at)
        place, author = len(self.files), by or dice.choice(self.staff)
        least, most = (900_000, 6_400_000) if mime.startswith("image/") else (38_000, 1_900_000)
        scan = more.get("scan_status", "clean")
        made: list[Record] = []
        for number in range(1, versions + 1):
            again = number == versions and number > 2 and dice.random() < 0.5
            fresh = hashlib.sha256(f"demo file {place} version {number}".encode()).digest()
            print_ = made[number - 3]["sha256"] if again else fresh
            made.append({
                "file": place, "version_no": number, "storage_key": storage_key(print_),
                "size_bytes": made[number - 3]["size_bytes"] if again else size or dice.randrange(least, most), "sha256": print_,
                "mime_type": mime, "uploaded_by": author, "change_note": None if number == 1 else dice.choice(NOTES),
                "restored_from_no": number - 2 if again else None, "scan_status": scan if number == versions else "clean",
                "created_at": at + (self.world.at - at) * ((number - 1) / (versions + 2)),
            })  # fmt: skip
        self.versions += made
        newest, tags = made[-1], more.pop("tags", [])
        file = {
            "name": name, "folder": folder, "category": category, "mime_type": mime, "size_bytes": newest["size_bytes"],
            "sha256": newest["sha256"], "storage": "local", "storage_key": newest["storage_key"], "current_version_no": versions,
            "visibility": "internal", "scan_status": scan, "tags": ["demo", *tags], "text_content": None, "retention_until": None,
            "legal_hold": False, "deleted_at": None, "download_count": dice.choice((0, 0, 0, 1, 2, 5)),
            "subject_type": about[0] if about else None, "subject_id": about[1] if about else None, "created_at": at,
            "created_by": author, "updated_by": author,
        } | more  # fmt: skip
        self.files.append(file)
        return file

    def paper(self, title: str, kind: str, status: str, file: Record | None, at: datetime, **more: Any) -> Record:
        """A document, in a file of the shelf or, while it is a draft, in none."""
        signed = status == "signed"
        paper = {
            "title": title, "kind": kind, "status": status, "file": file, "customer_id": None, "template_key": None,
            "rendered_from": None, "effective_on": None, "expires_on": None,
            "signed_at": min(at + timedelta(days=self.dice.uniform(0.2, 6)), self.world.at) if signed else None,
            "signer_name": "Authorised signer" if signed else None, "signer_email": None, "signature_ip": None,
            "subject_type": None, "subject_id": None, "created_at": at, "created_by": self.dice.choice(self.staff),
        } | more  # fmt: skip
        self.papers.append(paper)
        return paper

    def write(self) -> None:
        self.world.write("file_metadata", self.files)
        ids = [file["id"] for file in self.files]
        self.world.write("file_versions", [{"file_id": ids[each.pop("file")], **each} for each in self.versions])
        self.world.write("media_assets", [{"file_id": each.pop("file")["id"], **each} for each in self.photos])
        self.papers.sort(key=lambda paper: paper["created_at"])
        for number, paper in enumerate(self.papers, 1):
            file = paper.pop("file")
            paper |= {"number": f"D-{number:05d}", "file_id": file["id"] if file else None}
        self.world.write("documents", self.papers)
        self.world.numbered("document", "D-", 5, len(self.papers))


def files(world: World) -> None:
    """Photos of the last weeks' work, papers around customers and roofs, and the registry of what CenterPoint holds."""
    world.chapter("files", "Demonstration company: what is known about files; their bytes are not stored")
    shelf = Shelf(world, world.dice("files"))
    shelf.staff = of_kind(world, "office", "project_manager", "estimator")
    _photos(shelf)
    printed = [*_proposals(shelf), *_invoices(shelf)]
    _papers(shelf)
    _odds(shelf)
    remote = _remote(shelf)
    shelf.write()
    for table in ("estimates", "invoices"):
        pairs = [(key, paper["id"]) for of, key, paper in printed if of == table]
        world.connection.execute(
            f"UPDATE {table} SET pdf_document_id = pair.paper FROM unnest(%s::bigint[], %s::bigint[]) AS pair (here, paper)"
            f" WHERE {table}.id = pair.here",
            ([key for key, _ in pairs], [paper for _, paper in pairs]),
        )
    for record in remote:
        file = record.pop("file")
        record["file_id"] = file["id"] if file else None
    world.write("centerpoint_files", remote)


# -- photos -----------------------------------------------------------------------------------------------------------


def _photos(shelf: Shelf) -> None:
    """Before, during and after, from the visits of the last two months; the newest still wait for their previews."""
    world, dice = shelf.world, shelf.dice
    visits = world.rows(
        "SELECT v.job_id, j.number, j.property_id, v.crew_lead_id, v.arrived_at, v.departed_at, p.lat, p.lng,"
        " (SELECT s.id FROM roof_sections s WHERE s.property_id = p.id ORDER BY s.id LIMIT 1)"
        " FROM job_visits v JOIN jobs j ON j.id = v.job_id JOIN properties p ON p.id = j.property_id"
        " WHERE v.tenant_id = %s AND v.departed_at IS NOT NULL ORDER BY v.departed_at DESC, v.id LIMIT 110",
        world.tenant_id,
    )
    for job, number, site, lead, arrived, departed, lat, lng, section in visits:
        for place, phase in enumerate(("before", "during", "after")[: dice.choice((2, 3, 3))]):
            at = arrived + (departed - arrived) * (place / 3 + dice.uniform(0.02, 0.2))
            fresh = (world.at - at).days < 1
            name = f"{number.lower()}-{phase}-{place + 1}.jpg"
            file = shelf.add(
                name, "photo", "image/jpeg", at + timedelta(minutes=4), ("jobs", job), f"/jobs/{number}/photos", lead,
                scan_status="pending" if fresh else "clean", tags=[phase],
            )  # fmt: skip
            wide = dice.random() < 0.8
            drone = dice.random() < 0.06
            done = not fresh and dice.random() > 0.02
            key = file["storage_key"]
            shelf.photos.append({
                "file": file, "kind": "drone_ortho" if drone else "image", "width": 4032 if wide else 3024,
                "height": 3024 if wide else 4032, "duration_ms": None, "taken_at": at, "gps_lat": lat, "gps_lng": lng,
                "phase": phase, "job_id": job, "property_id": site, "roof_section_id": section,
                "caption": dice.choice(CAPTIONS[phase]) if dice.random() < 0.8 else None,
                "alt_text": f"Roof, {phase} the work" if done else None,
                "thumb_key": f"{key}.thumb.webp" if done else None, "preview_key": f"{key}.preview.webp" if done else None,
                "derivative_status": "ready" if done else "pending" if fresh else "failed",
                "ai_labels": Jsonb([
                    {"label": word, "confidence": round(dice.uniform(0.61, 0.98), 2)} for word in dice.sample(SEEN, 3)
                ] if done else []),
                "ai_labelled_at": at + timedelta(minutes=30) if done else None,
                "is_cover": phase == "after" and place == 2, "created_at": at + timedelta(minutes=4),
            })  # fmt: skip


# -- papers -----------------------------------------------------------------------------------------------------------


def _proposals(shelf: Shelf) -> list[tuple[str, int, Record]]:
    """What was sent to customers, as it was printed: proposals, and the contracts that came of those accepted."""
    world, printed = shelf.world, []
    rows = world.rows(
        "SELECT e.id, e.number, e.revision_no, e.title, e.status, e.customer_id, e.estimator_id, e.sent_at, e.accepted_at,"
        " e.accepted_by_name, e.valid_until FROM estimates e WHERE e.tenant_id = %s AND e.sent_at IS NOT NULL ORDER BY e.id",
        world.tenant_id,
    )
    for key, number, revision, title, status, customer, by, sent, accepted, name, until in rows:
        file = shelf.add(
            f"{number}-{revision}.pdf", "proposal", "application/pdf", sent, ("estimates", key), "/proposals", by,
            visibility="customer", text_content=f"Proposal {number}, revision {revision}: {title}",
        )  # fmt: skip
        state = "signed" if status == "accepted" else "expired" if status == "expired" else "sent"
        who = {"signed_at": accepted, "signer_name": name} if state == "signed" else {}
        paper = shelf.paper(
            f"Proposal {number}, {title}", "proposal", state, file, sent, customer_id=customer, template_key="estimate",
            rendered_from=Jsonb({"estimate": number, "revision": revision}), expires_on=until, subject_type="estimates",
            subject_id=key, created_by=by, **who,
        )  # fmt: skip
        printed.append(("estimates", key, paper))
        if state == "signed" and key % 2:
            signed = shelf.add(
                f"contract-{number}.pdf", "contract", "application/pdf", accepted, ("estimates", key), "/contracts", by,
                versions=2 if key % 3 == 0 else 1, retention_until=accepted.date() + timedelta(days=2557),
            )  # fmt: skip
            shelf.paper(
                f"Contract, {title}", "contract", "signed", signed, accepted, customer_id=customer,
                effective_on=accepted.date(), subject_type="estimates", subject_id=key, created_by=by, **who,
            )  # fmt: skip
    return printed


def _invoices(shelf: Shelf) -> list[tuple[str, int, Record]]:
    """The last weeks' invoices as they were mailed."""
    world, printed = shelf.world, []
    grace = world.staff["Grace Okafor"]
    for key, number, customer, at in world.rows(
        "SELECT id, number, customer_id, finalized_at FROM invoices WHERE tenant_id = %s AND kind = 'invoice'"
        " AND status <> 'draft' ORDER BY issue_date DESC, id DESC LIMIT 60",
        world.tenant_id,
    ):
        file = shelf.add(
            f"{number}.pdf", "invoice", "application/pdf", at, ("invoices", key), "/invoices", grace, visibility="customer",
            retention_until=at.date() + timedelta(days=2557),
        )  # fmt: skip
        paper = shelf.paper(
            f"Invoice {number}", "invoice_pdf", "sent", file, min(at, world.at), customer_id=customer, template_key="invoice",
            rendered_from=Jsonb({"invoice": number}), subject_type="invoices", subject_id=key, created_by=grace,
        )  # fmt: skip
        printed.append(("invoices", key, paper))
    return printed


def _papers(shelf: Shelf) -> None:
    """Warranties of roofs, certificates of the company, exemptions of customers, reports of inspections, permits."""
    world, dice = shelf.world, shelf.dice
    today = world.local().date()
    for section, name, place, maker, ends, customer in world.rows(
        "SELECT s.id, s.name, p.name, s.warranty_manufacturer, s.warranty_ends_on, p.customer_id FROM roof_sections s"
        " JOIN properties p ON p.id = s.property_id WHERE s.tenant_id = %s AND s.warranty_ends_on > %s ORDER BY s.id LIMIT 56",
        world.tenant_id, today - timedelta(days=400),
    ):  # fmt: skip
        at = world.at - timedelta(days=dice.uniform(3, 900))
        file = shelf.add(f"warranty-{section}.pdf", "warranty", "application/pdf", at, ("roof_sections", section), "/warranties",
                         visibility="customer", versions=dice.choice((1, 1, 1, 2)))  # fmt: skip
        shelf.paper(
            f"{maker} warranty, {name}, {place}", "warranty", "expired" if ends < today else "final", file, at,
            customer_id=customer, expires_on=ends, subject_type="roof_sections", subject_id=section,
        )  # fmt: skip
    for customer, name in world.rows(
        "SELECT id, name FROM customers WHERE tenant_id = %s AND tax_exempt ORDER BY id LIMIT 24", world.tenant_id
    ):
        at = world.at - timedelta(days=dice.uniform(10, 700))
        ends = at.date() + timedelta(days=730)
        file = shelf.add(f"exemption-{customer}.pdf", "other", "application/pdf", at, ("customers", customer), "/exemptions",
                         world.staff["Helen Vance"])  # fmt: skip
        shelf.paper(f"Tax exemption, {name}", "tax_exemption", "final", file, at, customer_id=customer, effective_on=at.date(),
                    expires_on=ends, subject_type="customers", subject_id=customer)  # fmt: skip
    for job, number, title, customer, at in world.rows(
        "SELECT id, number, title, customer_id, completed_at FROM jobs WHERE tenant_id = %s AND work_type = 'inspection'"
        " AND completed_at IS NOT NULL ORDER BY completed_at DESC, id LIMIT 40",
        world.tenant_id,
    ):
        file = shelf.add(
            f"inspection-{number}.pdf", "report", "application/pdf", at, ("jobs", job), "/reports", visibility="customer",
            versions=dice.choice((1, 1, 2, 3)), text_content=f"Inspection {number}. {title}. Drains, seams, flashing, curbs.",
        )  # fmt: skip
        where = title.partition(", ")[2] or title
        shelf.paper(
            f"Inspection report, {where}", "inspection_report", dice.choice(("sent", "sent", "final")), file,
            min(at, world.at), customer_id=customer, subject_type="jobs", subject_id=job,
        )  # fmt: skip
    _company_papers(shelf, today)
    _papers_of_open_jobs(shelf)


COMPANY: tuple[tuple[str, str, str, int, int], ...] = (
    ("General liability insurance, 2026", "insurance_certificate", "insurance-liability.pdf", 300, 64),
    ("Workers' compensation, 2026", "insurance_certificate", "insurance-compensation.pdf", 290, 74),
    ("Commercial vehicles, 2026", "insurance_certificate", "insurance-vehicles.pdf", 200, 165),
    ("Umbrella policy, 2025", "insurance_certificate", "insurance-umbrella.pdf", 410, -46),
    ("Fall protection plan", "safety_plan", "fall-protection.pdf", 120, 245),
    ("Hot work policy", "policy", "hot-work.pdf", 500, 0),
    ("Use of AI at work", "policy", "ai-policy.pdf", 90, 0),
    ("Crane lift plan, downtown", "safety_plan", "crane-lift.pdf", 14, 40),
)  # fmt: skip


def _company_papers(shelf: Shelf, today: date) -> None:
    dana = shelf.world.staff["Dana Whitfield"]
    for title, kind, name, ago, left in COMPANY:
        at = shelf.world.at - timedelta(days=ago)
        category = "safety" if kind in ("safety_plan", "policy") else "other"
        file = shelf.add(name, category, "application/pdf", at, None, "/company", dana, versions=3 if ago > 250 else 1)
        ends = today + timedelta(days=left) if left else None
        status = "expired" if left < 0 else "final"
        shelf.paper(title, kind, status, file, at, effective_on=at.date(), expires_on=ends, created_by=dana)
    for title, kind, status, days in (
        ("Subcontract, sheet metal, 2027", "contract", "draft", 2), ("Lone worker policy", "policy", "in_review", 5),
        ("Safety plan for winter", "safety_plan", "in_review", 1), ("Statement of account, template", "statement", "draft", 0.3),
        ("Terms and conditions, 2027", "policy", "draft", 6),
    ):  # fmt: skip
        at = shelf.world.at - timedelta(days=days)
        file = shelf.add(
            f"{title.lower().replace(' ', '-').replace(',', '')}.docx", "other", _DOCX, at, None, "/drafts", dana
        )
        shelf.paper(title, kind, status, file if status == "in_review" else None, at, created_by=dana)


_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def _papers_of_open_jobs(shelf: Shelf) -> None:
    """Permits and change orders of the work under way, waivers of work just paid for."""
    world, dice = shelf.world, shelf.dice
    for place, (job, number, title, customer, site_of) in enumerate(world.rows(
        "SELECT j.id, j.number, j.title, j.customer_id, j.requested_at FROM jobs j WHERE j.tenant_id = %s"
        " AND j.status IN ('approved', 'scheduled', 'in_progress') ORDER BY j.requested_at DESC, j.id LIMIT 45", world.tenant_id,
    )):  # fmt: skip
        at = min(site_of + timedelta(days=dice.uniform(0.1, 5)), world.at)
        kind, status = (("permit", "final"), ("change_order", "sent"), ("lien_waiver", "sent"), ("permit", "void"))[
            place % 4
        ]
        category = "permit" if kind == "permit" else "contract"
        file = shelf.add(f"{kind.replace('_', '-')}-{number}.pdf", category, "application/pdf", at, ("jobs", job),
                         f"/jobs/{number}/papers", versions=dice.choice((1, 1, 2)))  # fmt: skip
        shelf.paper(f"{kind.replace('_', ' ').capitalize()} for {title}", kind, status, file, at, customer_id=customer,
                    subject_type="jobs", subject_id=job)  # fmt: skip


def _odds(shelf: Shelf) -> None:
    """What lies on every server: drawings, exports, one infected upload, things in the trash, some held for a dispute."""
    world = shelf.world
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    for name, category, mime, days, more in (
        ("roof-plan-section-b.dwg", "drawing", "image/vnd.dwg", 12, {"tags": ["plan"]}),
        ("roof-plan-section-b-marked.pdf", "drawing", "application/pdf", 9, {"tags": ["plan"], "versions": 4}),
        ("detail-parapet.dwg", "drawing", "image/vnd.dwg", 40, {}), ("detail-drain.dwg", "drawing", "image/vnd.dwg", 41, {}),
        ("customers-export.xlsx", "export", sheet, 3, {"retention_until": world.local(20).date()}),
        ("ageing-2026-10.xlsx", "export", sheet, 25, {"retention_until": world.local(11).date()}),
        ("price-list-2026.xlsx", "other", sheet, 60, {"versions": 5, "visibility": "public"}),
        ("invoice_urgent.pdf.exe", "other", "application/octet-stream", 2, {"scan_status": "infected"}),
        ("scan0007.pdf", "other", "application/pdf", 0.2, {"scan_status": "pending"}),
        ("scan0008.pdf", "other", "application/pdf", 0.1, {"scan_status": "pending"}),
        ("broken-upload.zip", "other", "application/zip", 4, {"scan_status": "error"}),
        ("moisture-scan.tif", "report", "image/tiff", 8, {"scan_status": "skipped"}),
        ("old-logo.png", "other", "image/png", 300, {"deleted_at": world.local(-12, 9)}),
        ("roof-photos-2021.zip", "photo", "application/zip", 420, {"deleted_at": world.local(-27, 15)}),
        ("draft-letter.docx", "other", _DOCX, 33, {"deleted_at": world.local(-2, 10)}),
        ("hail-claim-photos.zip", "photo", "application/zip", 150, {"legal_hold": True, "tags": ["claim"]}),
        ("hail-claim-letters.pdf", "contract", "application/pdf", 140, {"legal_hold": True, "tags": ["claim"], "versions": 3}),
    ):  # fmt: skip
        shelf.add(
            name, category, mime, world.at - timedelta(days=days), None, "/inbox" if days < 1 else "/shared", **more
        )  # type: ignore[arg-type]


# -- what CenterPoint holds -------------------------------------------------------------------------------------------

FAULTS = (
    "HTTP 504 from CenterPoint after 30 s",
    "Checksum differs from the one announced",
    "HTTP 403: the session has ended",
)
STATES = {"linked": 46, "downloaded": 9, "queued": 9, "discovered": 18, "skipped": 6, "failed": 8, "gone": 4}


def _remote(shelf: Shelf) -> list[Record]:
    """The registry beside the export: reports and photos of its jobs, most of them brought over, some not."""
    world, dice = shelf.world, shelf.dice
    rows = world.rows(
        "SELECT id, number, external_id, customer_id, property_id, completed_at FROM jobs WHERE tenant_id = %s"
        " AND external_source = 'centerpoint' AND completed_at IS NOT NULL ORDER BY completed_at DESC, id OFFSET 60 LIMIT 260",
        world.tenant_id,
    )
    records = []
    for place, (job, number, external, customer, site, completed) in enumerate(rows):
        kind = dice.choice(("building_photo", "building_photo", "model_file", "job_report"))
        photo = kind == "building_photo"
        mime = "image/jpeg" if photo else "application/pdf"
        name = f"{external}_{dice.randrange(100, 999)}.{'jpg' if photo else 'pdf'}"
        state = pick_weighted(dice, STATES)
        changed = min(completed + timedelta(hours=dice.uniform(1, 60)), world.at)
        tried = (
            world.at - timedelta(days=6 * dice.random() ** 2)
            if state in ("linked", "downloaded", "failed", "gone")
            else None
        )
        size = dice.randrange(600_000, 5_200_000) if photo else dice.randrange(60_000, 900_000)
        file = None
        if tried and state in ("linked", "downloaded"):
            file = shelf.add(name, "photo" if photo else "report", mime, tried, ("jobs", job), f"/centerpoint/{number}",
                             world.staff["Console worker"], size=size, tags=["centerpoint"])  # fmt: skip
            if photo:
                shelf.photos.append(_brought_over(file, job, site, completed))
        known = state != "discovered" or place % 3
        records.append({
            "centerpoint_id": f"F{700_000 + 37 * place:07d}", "centerpoint_type": kind, "parent_type": "work_order",
            "parent_external_id": external, "file_name": name,
            "remote_url": f"https://centerpoint.example/files/{700_000 + 37 * place}", "mime_type": mime, "size_bytes": size,
            "remote_updated_at": changed, "checksum": hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), "file": file,
            "customer_id": customer if known else None, "property_id": site if known else None, "job_id": job if known else None,
            "sync_status": state, "attempts": dice.choice((1, 3, 5)) if state == "failed" else 1 if tried else 0,
            "last_attempt_at": tried,
            "error": dice.choice(FAULTS) if state == "failed" else "HTTP 404: no such file any more" if state == "gone" else None,
            "created_at": world.local(-7, 3) if tried is None else tried - timedelta(hours=2),
        })  # fmt: skip
    return records


def _brought_over(file: Record, job: int, site: int | None, taken: datetime) -> Record:
    key = file["storage_key"]
    return {
        "file": file, "kind": "image", "width": 2592, "height": 1944, "duration_ms": None, "taken_at": taken, "gps_lat": None,
        "gps_lng": None, "phase": "general", "job_id": job, "property_id": site, "roof_section_id": None, "caption": None,
        "alt_text": None, "thumb_key": f"{key}.thumb.webp", "preview_key": f"{key}.preview.webp", "derivative_status": "ready",
        "ai_labels": Jsonb([]), "ai_labelled_at": None, "is_cover": False, "created_at": file["created_at"],
    }  # fmt: skip
