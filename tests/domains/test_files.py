"""Files and what they mean: who may see one, when it may go, how a document becomes binding, what is brought over."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import now, today
from app.engine.refusals import NotAllowed, Rejected
from tests.domains.conftest import House

ZONE = "America/Denver"


@pytest.fixture
def office(house: House) -> House:
    house.staff("Olga", "operations_manager")
    house.staff("Sally", "sales")
    house.staff("Ada", "admin")
    return house


def stored(office: House, **values: Any) -> int:
    given = {
        "name": "plan.pdf",
        "mime_type": "application/pdf",
        "size_bytes": 9,
        "sha256": b"a" * 32,
        "storage_key": "demo/a",
    }
    return office.given("file_metadata", **{**given, "scan_status": "clean", **values})


def test_a_file_is_shared_only_when_it_is_clean(office: House) -> None:
    sick = stored(office, scan_status="infected")
    with pytest.raises(NotAllowed, match="infected"):
        office.move("Olga", "file_metadata", sick, "share", visibility="customer")
    unknown = stored(office, scan_status="pending")
    with pytest.raises(NotAllowed, match="found clean"):
        office.move("Olga", "file_metadata", unknown, "share", visibility="public")
    file = stored(office)
    with pytest.raises(Rejected, match="Seen by"):
        office.move("Olga", "file_metadata", file, "share")
    assert office.move("Olga", "file_metadata", file, "share", visibility="public")["visibility"] == "public"
    with pytest.raises(NotAllowed, match="role"):
        office.move("Sally", "file_metadata", file, "unshare")
    assert office.move("Olga", "file_metadata", file, "unshare")["visibility"] == "internal"


def test_what_is_held_or_has_to_be_kept_is_not_thrown_away(office: House) -> None:
    file = stored(office, retention_until=today(ZONE) + timedelta(days=5), visibility="customer")
    with pytest.raises(NotAllowed, match="has to be kept until"):
        office.move("Olga", "file_metadata", file, "trash")
    office.edit("Olga", "file_metadata", file, retention_until=today(ZONE))
    office.move("Olga", "file_metadata", file, "hold", reason="Hail claim 7")
    with pytest.raises(NotAllowed, match="legal hold"):
        office.move("Olga", "file_metadata", file, "trash")
    office.move("Olga", "file_metadata", file, "lift", reason="Settled")
    row = office.move("Olga", "file_metadata", file, "trash")
    assert (row["deleted_at"] is not None, row["visibility"]) == (True, "internal")
    assert office.scope("Olga", "file_metadata", "Trash") == {file}
    with pytest.raises(NotAllowed, match="in the trash"):
        office.move("Olga", "file_metadata", file, "share", visibility="customer")
    assert office.move("Olga", "file_metadata", file, "restore")["deleted_at"] is None
    with pytest.raises(NotAllowed, match="cannot be changed here"):
        office.edit("Olga", "file_metadata", file, size_bytes=1)


def test_a_stored_version_stays_as_it_is(office: House) -> None:
    file = stored(office)
    version = office.given("file_versions", file_id=file, version_no=1, storage_key="demo/a", size_bytes=9,
                           sha256=b"a" * 32, mime_type="application/pdf")  # fmt: skip
    with pytest.raises(NotAllowed, match="stays as it is"):
        office.edit("Olga", "file_versions", version, change_note="Better")
    assert office.shown("file_versions", version, "name") == "Version 1"


def test_a_document_needs_its_file_a_second_pair_of_eyes_and_a_name_that_signs(office: House) -> None:
    paper = office.create("Sally", "documents", title="Contract, Bluestem", kind="contract")
    assert office.row("documents", paper)["number"]
    with pytest.raises(NotAllowed, match="Choose the file"):
        office.move("Sally", "documents", paper, "finalize")
    office.edit("Sally", "documents", paper, file_id=stored(office))
    office.move("Sally", "documents", paper, "submit")
    with pytest.raises(NotAllowed, match="You wrote this document"):
        office.move("Sally", "documents", paper, "finalize")
    office.move("Olga", "documents", paper, "finalize")
    with pytest.raises(Rejected, match="stays as it is"):
        office.edit("Sally", "documents", paper, title="Contract")
    office.move("Sally", "documents", paper, "send")
    assert paper in office.scope("Sally", "documents", "Waiting for signature")
    with pytest.raises(Rejected, match="Signed by"):
        office.move("Sally", "documents", paper, "sign")
    row = office.move("Sally", "documents", paper, "sign", signer_name="Ada Byron")
    assert (row["status"], row["signed_at"] is not None) == ("signed", True)
    with pytest.raises(Rejected, match="stays as it is"):
        office.edit("Sally", "documents", paper, expires_on=today(ZONE))
    with pytest.raises(Rejected, match="why"):
        office.move("Sally", "documents", paper, "void")
    assert office.move("Sally", "documents", paper, "void", reason="Wrong site")["status"] == "void"


def test_what_has_run_out_is_neither_sent_nor_signed(office: House) -> None:
    over = today(ZONE) - timedelta(days=1)
    paper = office.given("documents", title="Certificate", kind="insurance_certificate", status="final", expires_on=over,
                         file_id=stored(office))  # fmt: skip
    assert office.scope("Olga", "documents", "Run out") == {paper}
    for move, asked in (("send", {}), ("sign", {"signer_name": "Ada"})):
        with pytest.raises(NotAllowed, match="This document ended on"):
            office.move("Olga", "documents", paper, move, **asked)
    with pytest.raises(NotAllowed, match="by itself"):
        office.move("Olga", "documents", paper, "expire")
    with pytest.raises(Rejected, match="before it begins"):
        office.create("Olga", "documents", title="Policy", kind="policy", effective_on=date(2026, 2, 2),
                      expires_on=date(2026, 2, 1))  # fmt: skip


def test_a_photo_goes_by_its_caption_and_describes_one_file(office: House) -> None:
    file = stored(office, name="dsc1.jpg", mime_type="image/jpeg")
    photo = office.create("Olga", "media_assets", file_id=file, phase="before")
    assert office.shown("media_assets", photo, "name") == "Image"
    assert office.scope("Olga", "media_assets", "No caption") == {photo}
    office.edit("Olga", "media_assets", photo, caption="Open seam")
    assert office.shown("media_assets", photo, "name") == "Open seam"
    with pytest.raises(Rejected, match="described already"):
        office.create("Olga", "media_assets", file_id=file)


def test_a_file_of_centerpoint_is_brought_over_again_left_there_or_linked_to_something(office: House) -> None:
    there = office.given("centerpoint_files", centerpoint_id="F1", centerpoint_type="building_photo", file_name="a.jpg",
                         sync_status="failed", attempts=3, error="HTTP 504")  # fmt: skip
    assert office.scope("Ada", "centerpoint_files", "Stuck") == {there}
    again = office.move("Ada", "centerpoint_files", there, "queue")
    assert (again["sync_status"], again["attempts"], again["error"]) == ("queued", 0, None)
    with pytest.raises(NotAllowed, match="by itself"):
        office.move("Ada", "centerpoint_files", there, "download")
    office.change("centerpoint_files", there, sync_status="downloaded", file_id=stored(office))
    with pytest.raises(NotAllowed, match="which customer, site or job"):
        office.move("Ada", "centerpoint_files", there, "link")
    office.edit("Ada", "centerpoint_files", there, customer_id=office.given("customers", name="Bluestem"))
    assert office.move("Ada", "centerpoint_files", there, "link")["sync_status"] == "linked"


def test_a_roof_section_is_of_one_name_on_its_roof_and_no_older_than_its_replacement(office: House) -> None:
    site = office.given("properties", customer_id=office.given("customers", name="Bluestem"), name="Building 1",
                        line1="1 Dock Rd", city="Denver", region="CO", postal="80216")  # fmt: skip
    main = {"property_id": site, "name": "Main roof", "area_sqft": Decimal(900), "system": "tpo"}
    section = office.create("Olga", "roof_sections", **main, installed_year=2001, condition_score=22, replace_year=2026)
    assert office.shown("roof_sections", section, "age") == now().year - 2001
    assert office.scope("Olga", "roof_sections", "Poor") == {section}
    with pytest.raises(Rejected, match="already has a section"):
        office.create("Olga", "roof_sections", **main)
    with pytest.raises(Rejected, match="before it was laid"):
        office.edit("Olga", "roof_sections", section, replace_year=1999)
