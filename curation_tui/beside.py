"""Places from which commands of ours are started that run beside the app."""

from collections.abc import Callable

from textual.content import Content

from curation_tui.children import Ended, groundset
from curation_tui.document import Block
from curation_tui.framed import FramedScreen
from curation_tui.looks import Glyphs
from curation_tui.prompt import Confirm
from curation_tui.safe_text import label, line
from curation_tui.session import Session


class BesideScreen(FramedScreen):
    """Runs one chain of commands at a time, and says at its end what was done."""

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._busy = False

    def is_free(self) -> bool:
        """Whether nothing is under way; says so where something is."""
        if self._busy:
            self.say("The last act is still under way.", "$warning")
            self.app.bell()
        return not self._busy

    def start(self, done: str, *commands: tuple[str, ...], then: Callable[[], object] = lambda: None) -> None:
        """Run commands one after the other, and say at the end what was done; `then` follows where all went well."""
        if self.is_free():
            self._busy = True
            self.say(f"Under way: {commands[0][0]}; go on meanwhile.")
            self.run_worker(self._run(done, commands, then))

    async def _run(self, done: str, commands: tuple[tuple[str, ...], ...], then: Callable[[], object]) -> None:
        ended: Ended | None = None
        for command, *arguments in commands:
            ended = await groundset(command, self._session.path, *arguments)
            if not ended.ok:
                break
        self._busy = False
        if not self.is_attached or ended is None:
            return
        if ended.ok:
            then()
            self.say(f"{self._glyphs.accepted} {done}, saved", "$success")
        else:
            self.say(ended.error, "bold $error")
        self.reload()

    def draft_more(self, cluster_id: str, name: str) -> None:
        """Say what more drafts for a cluster cost, and draft them if that is fine."""
        if self.is_free():
            self._busy = True
            self.say("Working out the price...")
            self.run_worker(self._price(cluster_id, line(name, 200, "bold")))

    async def _price(self, cluster_id: str, name: Content) -> None:
        # Options go before the rest: an id never begins with a dash.
        ended = await groundset("draft", self._session.path, "--only", cluster_id, "--estimate")
        self._busy = False
        if not ended.ok:
            self.say(ended.error, "bold $error")
            return
        blocks = [
            Block(name),
            Block(line(ended.output, 300)),
            Block(label("Redacted texts of the logs go to the provider, unless it is offline."), space_before=True),
        ]
        confirm = Confirm("Draft more?", blocks)
        self.app.push_screen(confirm, lambda yes: self._draft(cluster_id) if yes else self.say("Not drafted."))

    def _draft(self, cluster_id: str) -> None:
        self.start("drafted", ("draft", "--only", cluster_id, "--yes"), ("rank",))
