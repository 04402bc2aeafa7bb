"""The frame of the places besides Review: a line on top, two below, and news from outside."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from curation_tui.document import Block, Document
from curation_tui.footer import hint, key_line, said
from curation_tui.header import top_line, who_decides
from curation_tui.line import Line
from curation_tui.looks import ASCII, Glyphs
from curation_tui.place import PlaceScreen
from curation_tui.places import place_of
from curation_tui.review import Shape, shape_of
from curation_tui.safe_text import label
from curation_tui.session import Session
from generator.errors import ProjectError

_POLL = 1.0  # seconds between looks for what other processes wrote
_SHAPES: tuple[Shape, ...] = ("wide", "medium", "small", "tiny")


class FramedScreen(PlaceScreen):
    """A place with its lines above and below; a subclass fills `body`, and reads in `load` what it shows."""

    GREETING: ClassVar[str] = ""
    """What the last line says before anything was done."""

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._shape: Shape = "medium"
        self._version = -1

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        yield Line(id="top")
        with Horizontal(id="columns"):
            yield from self.body()
        yield Line(id="last")
        yield Line(id="keys")
        yield Document(id="too-small")

    def body(self) -> ComposeResult:
        """What the place consists of."""
        yield from ()

    def load(self) -> None:
        """Read what is shown, at first and whenever another process has written.

        Raises:
            ProjectError: the project cannot be read.
        """

    def show(self) -> None:
        """Show what was read, in the shape there is."""

    def on_mount(self) -> None:
        """Fill the frame, and begin to look for what others write."""
        session = self._session
        self.set_class(self._glyphs == ASCII, "-ascii")
        self.query_one("#top", Line).variants = top_line(
            session.path.stem, who_decides(session), place_of(self.WHERE).title, None, self._glyphs, failed=False
        )
        self.query_one("#keys", Line).variants = key_line(self.WHERE)
        self.query_one("#too-small", Document).show([Block(label("Too small: the app needs 40 x 8."))])
        self.query_one("#last", Line).variants = hint(self.GREETING)
        self.poll()
        self.set_interval(_POLL, self.poll)

    def on_resize(self, event: events.Resize) -> None:
        """Lay out for the new size."""
        self._shape = shape_of(event.size.width, event.size.height)
        for name in _SHAPES:
            self.set_class(name == self._shape, f"-{name}")
        if self._version >= 0:
            self.call_after_refresh(self.show)

    def poll(self) -> None:
        """Take in what another process wrote, and what is shown for the first time."""
        try:
            news = self._session.refresh()
            version = self._session.store.data_version()
            if news is None and version == self._version:
                return
            self.load()
            self._version = version
        except ProjectError as error:
            self.complain(error)
            return
        self.show()

    def reload(self) -> None:
        """Read again after an act of our own, which changes no `data_version`."""
        self._version = -1
        self.poll()

    def say(self, text: str, style: str = "$muted") -> None:
        """A sentence in the last line."""
        self.query_one("#last", Line).variants = said(text, style)

    def complain(self, error: ProjectError) -> None:
        """Say what cannot be done, and why."""
        path = self._session.path
        self.say(str(error).replace(str(path), path.name), "bold $error")
        self.app.bell()
