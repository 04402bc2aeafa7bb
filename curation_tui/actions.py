"""The one table of what a person can do: bindings, footer, help and palette are all made from it."""

from dataclasses import dataclass, replace
from typing import Literal

from textual.binding import Binding, BindingType

from curation_tui.places import PLACES, PlaceName, is_offered

Where = PlaceName | Literal["edit", "sheet", "prompt", "confirm", "choice", "ticks"]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do, and the keys for it."""

    name: str
    """`action_<name>` of the screen does it."""
    keys: tuple[str, ...]
    """As Textual names them."""
    shown: str
    """As a person reads them."""
    label: str
    """One or two words, for the footer."""
    help: str
    """One sentence."""
    where: Where = "review"
    footer: int = 0
    """How early it gets a place in the footer; 0 is never."""
    takes_key: bool = False
    """Whether it needs to know which of its keys was pressed."""
    argument: str = ""
    """What is handed to it."""


def _doors(where: PlaceName, footer: int = 0) -> tuple[Action, ...]:
    """The rows that lead from one place to the others, and those that every place has; `footer` ranks the first."""
    others = [each for each in PLACES if each.key and each.name != where]
    doors = [
        Action("open", (each.key,), each.key, each.title, each.help, where, rank if footer else 0, argument=each.name)
        for rank, each in enumerate(others, start=footer)
    ]
    back = Action("back", ("escape",), "esc", "back", "Back to Review.", where, 3)
    return (
        *([] if where == "review" else [back]),
        *doors,
        Action("help", ("question_mark", "f1"), "? F1", "help", "Show this list.", where, 6),
        Action("palette", ("ctrl+p",), "ctrl+p", "palette", "Find any of these by name, or change looks.", where, 11),
        Action("quit", ("q",), "q", "quit", "Leave; everything is saved already.", where, 8),
    )


def _judging(where: PlaceName, *verdicts: Action) -> tuple[Action, ...]:
    """The rows of a place where answers are judged blind: its verdicts, and what all such places have."""
    return (
        *(replace(each, where=where, footer=rank) for rank, each in enumerate(verdicts, start=1)),
        Action(
            "undo", ("u", "ctrl+z"), "u ctrl+z", "undo", "Take back your last judgement, from any session.", where, 5
        ),
        Action("redo", ("ctrl+r", "ctrl+y"), "ctrl+r ctrl+y", "redo", "Take back the last undo.", where, 15),
        Action("turn", ("tab",), "tab", "other part", "Go to the next part; pgdn scrolls it.", where, 7),
        Action("turn_back", ("shift+tab",), "shift+tab", "part before", "Go to the part before.", where),
        Action("tick", ("t",), "t", "criteria", "Say which criteria are met; saved with the verdict.", where, 9),
        Action("unfold", ("z",), "z", "unfold", "Show more of what is folded.", where, 10),
        Action("fold", ("Z",), "Z", "fold", "Fold it again.", where),
        Action("next_row", ("j", "down"), "j ↓", "later", "Put it off; it comes back after the rest.", where, 12),
        Action(
            "previous_row", ("k", "up"), "k ↑", "before", "Look at the one judged before, and change it.", where, 13
        ),
        Action("reveal", ("b",), "b", "end", "End the session: show names and result, for good.", where, 8),
        Action("report", ("i",), "i", "how far", "How far you are; nothing of who is better.", where, 16),
        Action("candidates", ("o",), "o", "others", "Judge others, where more have answered.", where, 17),
        Action("page_down", ("pagedown", "space"), "pgdn", "scroll", "Scroll down.", where, 11),
        Action("page_up", ("pageup",), "pgup", "scroll back", "Scroll up.", where),
        *_doors(where),
    )


ACTIONS: tuple[Action, ...] = (
    Action("accept", ("a",), "a", "accept", "Accept the item as it is and go on.", footer=1),
    Action("reject", ("x",), "x", "reject", "Reject it and go on; a reason may follow.", footer=2),
    Action(
        "reason",
        ("1", "2", "3", "4", "5", "6", "7"),
        "1-7",
        "reason",
        "Say why the last item was rejected, until the next decision.",
        takes_key=True,
    ),
    Action("later", ("space",), "space", "later", "Put it off; it comes back after the rest.", footer=4),
    Action("edit", ("e",), "e", "edit", "Change the input, criteria or must-nots, then accept.", footer=5),
    Action("undo", ("u", "ctrl+z"), "u ctrl+z", "undo", "Take back your last decision, from any session.", footer=3),
    Action("redo", ("ctrl+r", "ctrl+y"), "ctrl+r ctrl+y", "redo", "Take back the last undo.", footer=13),
    Action("next_item", ("j", "down"), "j ↓", "next", "Look at the next item without deciding.", footer=9),
    Action("previous_item", ("k", "up"), "k ↑", "back", "Look at the item before without deciding.", footer=12),
    Action("next_evidence", ("tab",), "tab", "evidence", "Go on to the next part of the evidence.", footer=7),
    Action("previous_evidence", ("shift+tab",), "shift+tab", "evidence back", "Go back to the part before."),
    Action("page_down", ("pagedown",), "pgdn", "scroll", "Scroll the item down."),
    Action("page_up", ("pageup",), "pgup", "scroll back", "Scroll the item up."),
    Action("evidence_down", ("J", "shift+down"), "J", "scroll evidence", "Scroll the evidence down."),
    Action("evidence_up", ("K", "shift+up"), "K", "scroll evidence back", "Scroll the evidence up."),
    Action("explain", ("i",), "i", "why", "Explain gain, coverage and novelty of this item.", footer=10),
    Action("leave_tour", ("escape",), "esc", "leave tour", "Leave the tour, where one is on."),
    Action("reveal", ("b",), "b", "show hidden", "Show what blind review hides, or hide it again; it is recorded."),
    Action("flag", ("f",), "f", "flag", "Flag the item to come back to, or take the flag away.", footer=14),
    Action("tag", ("t",), "t", "tags", "Change the tags of the item.", footer=15),
    Action("note", ("n",), "n", "note", "Write a note to the item.", footer=16),
    Action("repeat", ("full_stop",), ".", "same again", "Give the item the last tags or note again."),
    Action("duplicate", ("d",), "d", "dup-of", "Reject it as a duplicate of the nearest accepted.", footer=17),
    Action("pin", ("p",), "p", "pin real", "Accept the nearest real input in its place.", footer=18),
    Action("unfold", ("z",), "z", "unfold", "Show the drafts that ask about the same."),
    Action("next_cluster", ("right_square_bracket",), "]", "next cluster", "Go to the next item of another cluster."),
    Action("previous_cluster", ("left_square_bracket",), "[", "cluster back", "Go back to an item of another cluster."),
    Action("difference", ("D",), "D", "diff", "Compare it word by word with the nearest accepted."),
    Action("history", ("U",), "U", "history", "See your last 200 steps, and go back to any."),
    Action("copy", ("y",), "y", "copy id", "Copy the item's id to the clipboard."),
    Action("find", ("slash",), "/", "find", "Search all drafts.", footer=19),
    *_doors("review", footer=20),
    Action("save", ("ctrl+s",), "ctrl+s", "accept edited", "Accept the item as edited and go on.", "edit", 1),
    Action("back", ("escape",), "esc", "keep, go back", "Go back; what you typed stays for another time.", "edit", 2),
    Action("start_over", ("ctrl+r",), "ctrl+r", "start over", "Forget what you typed.", "edit", 5),
    Action("next_field", ("tab",), "tab", "next field", "Go to the next field.", "edit", 3),
    Action("previous_field", ("shift+tab",), "shift+tab", "field before", "Go to the field before.", "edit", 4),
    Action("close", ("escape", "q", "i", "question_mark", "f1"), "esc", "close", "Back to the item.", "sheet", 1),
    Action("page_down", ("pagedown", "space", "down", "j"), "pgdn", "scroll", "Scroll down.", "sheet", 2),
    Action("page_up", ("pageup", "up", "k"), "pgup", "scroll back", "Scroll up.", "sheet", 3),
    Action("look", ("enter",), "enter", "open", "Show the row's draft in Review.", "list", 1),
    Action("mark", ("v",), "v", "mark", "Mark the row, or take its mark away.", "list", 4),
    Action("mark_range", ("V",), "V", "range", "Mark the rows from the last mark to here.", "list", 12),
    Action("mark_all", ("asterisk",), "*", "all", "Mark all that the filter shows.", "list", 13),
    Action("mark_none", ("0",), "0", "none", "Take all marks away.", "list", 14),
    Action("accept", ("A",), "A", "accept", "Accept what is marked, or the row, as one step.", "list", 5),
    Action("reject", ("X",), "X", "reject", "Reject what is marked, or the row, as one step.", "list", 6),
    Action(
        "reason",
        ("1", "2", "3", "4", "5", "6", "7"),
        "1-7",
        "reason",
        "Say why the last drafts were rejected.",
        "list",
        takes_key=True,
    ),
    Action("tag", ("t",), "t", "tag", "Give what is marked, or the row, tags.", "list", 10),
    Action("keep_best", ("K",), "K", "keep best", "Reject all drafts like this one but the best.", "list", 15),
    Action("find", ("slash",), "/", "find", "Search as you type.", "list", 2),
    Action("filter", ("backslash",), "\\", "filter", "Filter by state, cluster, tag and more.", "list", 7),
    Action("order", ("o",), "o", "order", "Go on to the next order.", "list", 9),
    Action("undo", ("u", "ctrl+z"), "u ctrl+z", "undo", "Take back your last step.", "list", 4),
    Action("redo", ("ctrl+r", "ctrl+y"), "ctrl+r ctrl+y", "redo", "Take back the last undo.", "list", 16),
    Action("next_row", ("j", "down"), "j ↓", "down", "Go one row down.", "list", 17),
    Action("previous_row", ("k", "up"), "k ↑", "up", "Go one row up.", "list", 18),
    Action("page_down", ("pagedown", "space"), "pgdn", "page", "Go a screen down.", "list"),
    Action("page_up", ("pageup",), "pgup", "page back", "Go a screen up.", "list"),
    Action("first", ("home",), "home", "first", "Go to the first row.", "list"),
    Action("last", ("end", "G"), "end G", "last", "Go to the last row.", "list"),
    *_doors("list"),
    Action("submit", ("enter",), "enter", "take", "Take the line as it is.", "prompt", 1),
    Action("cancel", ("escape",), "esc", "leave", "Leave everything as it was.", "prompt", 2),
    Action("complete", ("tab",), "tab", "complete", "Take the word that is suggested.", "prompt", 3),
    Action("yes", ("y",), "y", "yes", "Do it.", "confirm", 1),
    Action("no", ("escape", "n", "q"), "esc", "no", "Leave it.", "confirm", 2),
    Action("take", ("enter",), "enter", "go there", "Take the row under the cursor.", "choice", 1),
    Action("cancel", ("escape", "q"), "esc", "leave", "Take none.", "choice", 2),
    Action("down", ("j", "down"), "j", "down", "Go one row down.", "choice", 3),
    Action("up", ("k", "up"), "k", "up", "Go one row up.", "choice", 4),
    Action("page_down", ("pagedown",), "pgdn", "ten down", "Go ten rows down.", "choice"),
    Action("page_up", ("pageup",), "pgup", "ten up", "Go ten rows up.", "choice"),
    Action("review", ("enter",), "enter", "review", "Review the drafts of the cluster.", "clusters", 1),
    Action("more", ("plus", "equals_sign"), "+", "plan more", "Plan one sample more.", "clusters", 2),
    Action("fewer", ("minus",), "-", "fewer", "Plan one sample less.", "clusters", 4),
    Action("rename", ("L",), "L", "name", "Give the cluster a name, which it keeps.", "clusters", 5),
    Action("split", ("s",), "s", "split", "Divide it in two; every later clustering keeps them apart.", "clusters", 7),
    Action("mark", ("v",), "v", "mark", "Mark it for joining, or no longer.", "clusters", 9),
    Action("join", ("M",), "M", "join", "Make the marked ones one, for good.", "clusters", 10),
    Action("exclude", ("x",), "x", "out of goal", "Take it out of the goal, or back in.", "clusters", 12),
    Action("draft_more", ("g",), "g", "draft more", "Draft more for it; the price is asked first.", "clusters", 13),
    Action("undo", ("u", "ctrl+z"), "u ctrl+z", "undo", "Take back the last plan, exclusion or name.", "clusters", 8),
    Action("order", ("o",), "o", "order", "By untested traffic, or by traffic.", "clusters", 14),
    Action("next_row", ("j", "down"), "j ↓", "next", "Go to the next cluster.", "clusters", 15),
    Action("previous_row", ("k", "up"), "k ↑", "before", "Go to the cluster before.", "clusters", 16),
    Action("page_down", ("pagedown",), "pgdn", "further", "Go a screen further.", "clusters"),
    Action("page_up", ("pageup",), "pgup", "back up", "Go a screen back.", "clusters"),
    *_doors("clusters"),
    Action("next_gap", ("n",), "n", "next gap", "Go to the next untested region.", "map", 1),
    Action("previous_gap", ("N",), "N", "gap before", "Go back to the untested region before.", "map"),
    Action("review", ("enter",), "enter", "review", "Review the drafts of the cluster under the cursor.", "map", 2),
    Action("move", ("left",), "arrows ←", "move", "Move the cursor to the left.", "map", 4, argument="left"),
    Action("move", ("right",), "→", "right", "Move the cursor to the right.", "map", argument="right"),
    Action("move", ("up",), "↑", "up", "Move the cursor up.", "map", argument="up"),
    Action("move", ("down",), "↓", "down", "Move the cursor down.", "map", argument="down"),
    Action("zoom_in", ("z",), "z", "zoom", "Show half as much each way, around the cursor.", "map", 5),
    Action("zoom_out", ("Z",), "Z", "zoom out", "Show twice as much each way.", "map", 9),
    Action("draft_more", ("g",), "g", "draft here", "Draft more for the cluster; the price is asked first.", "map", 8),
    Action("table", ("T",), "T", "table", "Show the same as a table, or the picture again.", "map", 7),
    Action("colour", ("C",), "C", "colour", "Colour by traffic, or by what is tested.", "map", 10),
    *_doors("map"),
    Action("retry", ("R",), "R", "send again", "Send the calls in doubt again; the price is asked first.", "runs", 1),
    Action("turn", ("tab",), "tab", "other part", "Show the other part, where only one fits.", "runs", 2),
    Action("page_down", ("pagedown",), "pgdn", "scroll", "Scroll where the money went.", "runs"),
    Action("page_up", ("pageup",), "pgup", "scroll back", "Scroll it back.", "runs"),
    *_doors("runs"),
    Action("export", ("enter",), "enter", "export", "Write the chosen formats, if everything holds.", "export", 1),
    Action("choose", ("space",), "space", "choose", "Choose the format at the cursor, or leave it out.", "export", 2),
    Action("open_failing", ("o",), "o", "open failing", "Open the first item that fails a check.", "export", 4),
    Action("look", ("d",), "d", "look again", "Check everything again, and write nothing.", "export", 5),
    Action("next_row", ("j", "down"), "j ↓", "next", "Go to the next format.", "export", 7),
    Action("previous_row", ("k", "up"), "k ↑", "before", "Go to the format before.", "export", 9),
    *_doors("export"),
    Action("accept", ("a",), "a", "accept", "Accept the item; others' verdicts are hidden until then.", "second", 1),
    Action("reject", ("x",), "x", "reject", "Reject it; a reason may follow.", "second", 2),
    Action(
        "number",
        ("1", "2", "3", "4", "5", "6", "7"),
        "1-7",
        "take or reason",
        "Where two differ, 1 or 2 takes that verdict; after a rejection, the reason.",
        "second",
        4,
        takes_key=True,
    ),
    Action("edit", ("e",), "e", "edit", "Change the item, then accept it.", "second", 5),
    Action("note", ("n",), "n", "note", "Write a note, for whoever settles it.", "second", 8),
    Action("undo", ("u", "ctrl+z"), "u ctrl+z", "undo", "Take back your last decision.", "second", 7),
    Action("next_row", ("j", "down"), "j ↓", "next", "Go to the next one.", "second", 9),
    Action("previous_row", ("k", "up"), "k ↑", "before", "Go to the one before.", "second", 10),
    Action("reveal", ("b",), "b", "show names", "Show names, or hide them again.", "second", 12),
    Action("report", ("i",), "i", "report", "How far people agree, and who noticed planted drafts.", "second", 13),
    Action("page_down", ("pagedown",), "pgdn", "scroll", "Scroll the item down.", "second"),
    Action("page_up", ("pageup",), "pgup", "scroll back", "Scroll it up.", "second"),
    *_doors("second"),
    *_judging(
        "compare",
        Action("choose", ("1",), "1", "is better", "The left answer (or the upper) is better.", argument="left"),
        Action("choose", ("2",), "2", "is better", "The right answer (or the lower) is better.", argument="right"),
        Action("choose", ("0",), "0", "same", "There is no difference that matters.", argument="same"),
        Action("choose", ("x",), "x", "both bad", "Neither will do.", argument="both_bad"),
    ),
    Action("differences", ("d",), "d", "differences", "Mark the words that differ, or no longer.", "compare", 14),
    *_judging(
        "grade",
        Action("choose", ("p",), "p", "pass", "The answer does what is expected.", argument="pass"),
        Action("choose", ("f",), "f", "fail", "It does not.", argument="fail"),
        Action("choose", ("s",), "s", "unsure", "You cannot tell.", argument="unsure"),
    ),
    Action("take", ("enter",), "enter", "keep", "Keep the marks; they are saved with the verdict.", "ticks", 1),
    Action("cancel", ("escape", "q"), "esc", "leave", "Leave them as they were.", "ticks", 2),
    Action(
        "mark",
        ("1", "space"),
        "1",
        "mark",
        "Met, not met, or not said, of the answer, or of the left one.",
        "ticks",
        3,
        argument="0",
    ),
    Action("mark", ("2",), "2", "the other", "The same of the right answer.", "ticks", 4, argument="1"),
    Action("down", ("j", "down"), "j", "down", "Go to the next criterion.", "ticks", 5),
    Action("up", ("k", "up"), "k", "up", "Go to the one before.", "ticks", 6),
)


def actions(where: Where) -> tuple[Action, ...]:
    """What can be done there, in the order of the table."""
    return tuple(action for action in ACTIONS if action.where == where)


def offered(where: Where) -> tuple[Action, ...]:
    """The same without doors to where nothing can be done yet."""
    return tuple(each for each in actions(where) if each.name != "open" or is_offered(each.argument))


def bindings(where: Where) -> list[BindingType]:
    """The key bindings of a screen."""
    return [
        # Where there are fields, before those see them: a text area would take tab and ctrl+s for itself.
        Binding(key, _call(action, key), action.label, show=False, priority=where in {"edit", "prompt"})
        for action in actions(where)
        for key in action.keys
    ]


def _call(action: Action, key: str) -> str:
    argument = key if action.takes_key else action.argument
    return f"{action.name}('{argument}')" if argument else action.name


def footer(where: Where, count: int) -> tuple[Action, ...]:
    """The `count` actions that matter most there, in the order of the table."""
    wanted = sorted((each for each in offered(where) if each.footer), key=lambda each: each.footer)[:count]
    return tuple(each for each in actions(where) if each in wanted)


def footer_key(action: Action) -> str:
    """The first key of an action, as the footer shows it."""
    return action.shown.split(" ", 1)[0].replace("ctrl+", "^")
