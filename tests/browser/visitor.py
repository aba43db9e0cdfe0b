"""Somebody in a real browser, who looks closely at every page they come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Response, expect

NARROW = {"width": 360, "height": 740}
AXE = Axe()
OWN_FRAME = {"iframes": False}  # axe would call out to the mailbox's mails, whose frames let no script answer
IS_TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
SHOWS_FOCUS = """() => {
  const style = getComputedStyle(document.activeElement);
  return (style.outlineStyle !== "none" && style.outlineWidth !== "0px") || style.boxShadow !== "none";
}"""
MOST_TABS = 80
LOADED_WITHIN_MS = 30_000


@dataclass
class Visitor:
    """A browser with one page. Going anywhere with it checks the page arrived at: `faults` says what is wrong.

    axe is a script itself and would wait for ever in a browser without scripts (`has_scripts` False).
    """

    context: BrowserContext
    has_scripts: bool = True
    page: Page = field(init=False)
    _complaints: list[str] = field(default_factory=list)
    _documents: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(LOADED_WITHIN_MS)
        self.page = self.context.new_page()
        self.page.on("response", self._note_document)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self._complaints.append(f"script: {error}"))

    def open(self, address: str) -> Response | None:
        """Type an address."""
        response = self.page.goto(address)
        self.look()
        return response

    def press(self, name: str, *, within: Locator | None = None) -> None:
        """Press the button with exactly these words, and look at where it leads."""
        self._go(self.button(name, within=within))

    def follow(self, name: str, *, within: Locator | None = None) -> None:
        """Click the link with exactly these words, and look at where it leads."""
        self._go((within or self.page).get_by_role("link", name=name, exact=True))

    def button(self, name: str, *, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def row(self, words: str) -> Locator:
        """The table row that holds these words."""
        return self.page.get_by_role("row").filter(has_text=words)

    @property
    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def place(self) -> str:
        """The path that the browser is at."""
        return "/" + self.page.url.split("/", 3)[3]

    def sees(self, *sentences: str) -> None:
        """Every one of these sentences stands in the page's main part."""
        for sentence in sentences:
            expect(self.page.get_by_role("main")).to_contain_text(sentence)

    def consent(self, label: str, *, without: tuple[str, ...] = (), decision: str = "Allow") -> None:
        """At a provider: sign in with this login, untick what is not to be given, decide, and come back."""
        if self.heading != "Choose a login":
            self.follow("Use another login")
        self.page.get_by_role("radio", name=label, exact=True).check()
        self.press("Continue")
        for name in without:
            self.page.get_by_role("checkbox", name=name, exact=True).uncheck()
        self.press(decision)

    def tab_to(self, control: Locator) -> None:
        """Reach a control by the Tab key alone; wherever the focus passes it has to be seen."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(SHOWS_FOCUS), self.page.evaluate("document.activeElement.outerHTML")[:200]
            if control.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{control} cannot be reached by the Tab key")

    def strike(self, key: str, control: Locator) -> None:
        """Reach a control by Tab and use it by a key, and look at where it leads."""
        self.tab_to(control)
        with self.page.expect_navigation():
            self.page.keyboard.press(key)
        self.look()

    def look(self) -> None:
        """Fail if anything is wrong with the page as it is now."""
        faults = self.faults()
        assert not faults, "\n".join(faults)

    def faults(self) -> list[str]:
        """What the console says, what axe finds, and whether the page scrolls sideways on a phone."""
        found = [*self._complaints, *(self._violations() if self.has_scripts else ())]
        with self._narrow():
            if self.page.evaluate(IS_TOO_WIDE):
                found.append("scrolls sideways at 360 px")
        return [f"{self.page.url}: {fault}" for fault in found]

    def _violations(self) -> Iterator[str]:
        for violation in AXE.run(self.page, options=OWN_FRAME).response["violations"]:
            for node in violation["nodes"]:
                yield f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"

    @contextmanager
    def _narrow(self) -> Iterator[None]:
        before = self.page.viewport_size
        self.page.set_viewport_size(NARROW)
        yield
        if before:
            self.page.set_viewport_size(before)

    def _go(self, control: Locator) -> None:
        with self.page.expect_navigation():
            control.click()
        self.look()

    def _note_document(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self._documents.add(response.url)
        elif response.status >= 400:
            self._complaints.append(f"{response.status} for {response.url}")

    def _note_console(self, message: ConsoleMessage) -> None:
        """Chromium also complains about a document's own status, such as a dead link's 410: that is meant to be so."""
        is_about_document = message.location.get("url") in self._documents and "status of" in message.text
        if message.type in ("error", "warning") and not is_about_document:
            self._complaints.append(f"console: {message.text}")
