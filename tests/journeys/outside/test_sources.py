"""From HR's file to an assignment by organisation, on the pages alone, with what a re-organisation would do."""

from __future__ import annotations

import re
from typing import Any

import requests

from tests.journeys.administrator import Administrator
from tests.journeys.conftest import Running

NAMED = """
version: 1
certifications: [{code: MAPPED, name: Mapped, state: live, assignments: [{organisation: ORG-2}]}]
"""


def test_from_hrs_file_to_an_assignment_by_organisation(browser: Any, running: Running) -> None:
    sam = Administrator(browser, running)
    page = sam.page
    found = re.match(r".*/t/[^/?#]+", page.url)
    assert found is not None
    page.goto(f"{found[0]}/hosts/1/sources")
    page.get_by_label("Name", exact=True).fill("hr")
    page.get_by_role("button", name="Add a source").click()
    page.get_by_label("Mapping", exact=True).fill('separator: "/"')
    page.get_by_role("button", name="Save", exact=True).click()

    def chosen(story: str, form: str = "windows-1252") -> None:
        file = requests.get(f"{running.sandbox}/hr/people?format={form}&story={story}", timeout=30)
        name = "People.xlsx" if form == "xlsx" else "People.csv"
        page.get_by_label("Files called people").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": file.content}
        )

    chosen("today")
    page.get_by_role("button", name="What would they do?").click()
    page.get_by_text("0 refused").wait_for()
    sam.picture("source-plan")
    chosen("today")
    page.get_by_role("button", name="Load", exact=True).click()
    page.get_by_text("2 to be matched").wait_for()
    sam.picture("source")
    chosen("half")
    page.get_by_role("button", name="What would they do?").click()
    page.get_by_text("more than the row guard lets through").wait_for()
    sam.picture("source-half")
    chosen("half")
    page.get_by_role("button", name="Load", exact=True).click()
    waits = page.get_by_role("heading", name="A load waits for you")
    waits.wait_for()
    sam.picture("source-waits")
    page.get_by_role("button", name="Load what waits").click()
    waits.wait_for(state="detached")
    chosen("today")
    page.get_by_role("button", name="Load", exact=True).click()
    page.get_by_text("2 to be matched").wait_for()
    page.get_by_role("link", name="Sources", exact=True).first.click()
    sam.picture("sources")
    running.command("apply", "-", "--yes", typed=NAMED)
    sam.until(lambda: len(running.command("show", "MAPPED").splitlines()) > 2)  # with nobody in it, nothing is asked
    page.get_by_label("Supplier 1 of Organisations").select_option("hr")
    page.get_by_role("button", name="Change Organisations").click()
    page.get_by_label("Instead").first.wait_for()
    sam.picture("source-map")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="What if a unit moved?").click()
    sam.see("what-if")
    page.get_by_role("link", name="Back to the sources").click()
    page.get_by_role("link", name="hr", exact=True).click()
    page.get_by_role("button", name="Remove hr").click()
    page.get_by_role("heading", name="Take hr away").wait_for()
    sam.see("source-removal")
    page.get_by_role("link", name="Cancel").click()
    staff = requests.get(f"{running.sandbox}/hr/people?format=windows-1252&story=today", timeout=30).content.decode(
        "cp1252"
    )
    unit = next(line.split(";")[4] for line in staff.splitlines() if line.startswith("EMP"))
    running.command("source", "supply", "organisation", "site", "hr", "--yes")
    running.command("apply", "-", "--yes", typed=NAMED.replace("MAPPED", "HR").replace("ORG-2", f'"hr:{unit}"'))
    sam.until(lambda: len(running.command("show", "HR").splitlines()) > 2)
    page.locator("form[action$='/settings']").get_by_label("Kind", exact=True).select_option("scim")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("heading", name="Change hr").wait_for()
    sam.picture("source-change")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Sources", exact=True).first.click()
    page.get_by_label("Name", exact=True).fill("dir")
    page.get_by_label("Kind", exact=True).select_option("scim")
    page.get_by_label("Records join accounts by").fill("userName=username")
    page.get_by_role("button", name="Add a source").click()
    page.get_by_role("button", name="Make a token").click()
    page.get_by_role("heading", name="The token, shown this once").wait_for()
    sam.picture("source-directory")
    assert not sam.complaints
    requests.get(f"{running.sandbox}/hr", timeout=30).raise_for_status()
